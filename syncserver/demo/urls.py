"""Where the demo answers."""

from django.urls import path

from syncserver.demo import views

urlpatterns = [
    path("", views.page, name="demo"),
    # Browsers ask for it wherever a page names no icon, as the admin's do.
    path("favicon.ico", views.icon, name="icon"),
]
