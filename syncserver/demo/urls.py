"""Where the demo answers."""

from django.urls import path

from syncserver.demo import views

urlpatterns = [
    path("", views.page, name="demo"),
]
