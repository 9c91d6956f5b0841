"""Settings for development, tests and the local stack; `syncserver.settings.production` hardens them."""

from syncserver.settings.base import *  # noqa: F403 - this is how a Django settings module takes over another
