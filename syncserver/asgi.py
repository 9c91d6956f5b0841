"""The project for daphne: HTTP and the progress sockets."""

import os
from importlib import import_module

from syncserver import parent

parent.die_with_parent()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncserver.settings")
# Before the settings load: it decides that this process holds a pool of connections.
os.environ.setdefault("MIGRATION_PROCESS", "web")

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - the lines above must come first
from django.conf import settings  # noqa: E402 - as above
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler  # noqa: E402 - as above
from django.core.asgi import get_asgi_application  # noqa: E402 - as above

http = get_asgi_application()

from migration.config import spare_loaded_code  # noqa: E402 - the lines at the top must come first
from migration.realtime.routing import websocket_urlpatterns  # noqa: E402 - models exist only after the line above

if settings.SERVE_STATIC:
    http = ASGIStaticFilesHandler(http)
application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})
import_module(settings.ROOT_URLCONF)  # now, so that the first request does not pay for it
spare_loaded_code()
