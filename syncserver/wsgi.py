"""The project for any WSGI server: the API and the admin at a fraction of daphne's cost, without sockets."""

import os
from importlib import import_module

from syncserver import parent

parent.die_with_parent()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncserver.settings")
# Before the settings load: it decides that this process holds a pool of connections.
os.environ.setdefault("MIGRATION_PROCESS", "web")

from django.conf import settings  # noqa: E402 - the lines above must come first
from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402 - as above
from django.core.wsgi import get_wsgi_application  # noqa: E402 - as above

from migration.config import spare_loaded_code  # noqa: E402 - as above

application = get_wsgi_application()
if settings.SERVE_STATIC:
    application = StaticFilesHandler(application)
import_module(settings.ROOT_URLCONF)  # now, so that the first request does not pay for it
spare_loaded_code()
