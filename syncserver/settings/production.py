"""Settings for a server that faces the world: nothing is guessed, and only HTTPS is spoken."""

from django.core.exceptions import ImproperlyConfigured

from syncserver.settings import environment
from syncserver.settings.base import *  # noqa: F403 - this is how a Django settings module takes over another

for name in ("SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"):
    if not environment.text(name):
        raise ImproperlyConfigured(f"{name} must be set in production")
if environment.flag("DEBUG", default=False):
    raise ImproperlyConfigured("DEBUG must be off in production")
if environment.text("MIGRATION_FAULTS"):
    raise ImproperlyConfigured("MIGRATION_FAULTS kills processes on purpose and has no place in production")

ENVIRONMENT = environment.text("MIGRATION_ENVIRONMENT", "production")
SERVE_STATIC = environment.flag("MIGRATION_SERVE_STATIC", default=False)
SECURE_SSL_REDIRECT = environment.flag("SECURE_SSL_REDIRECT", default=True)
# The health probes come from inside, over plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^readyz$", r"^livez$"]
if environment.flag("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = environment.number("SECURE_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = environment.flag("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True)
# Preloading is decided for a whole domain by whoever owns it, not by one server below it.
SECURE_HSTS_PRELOAD = environment.flag("SECURE_HSTS_PRELOAD", default=False)
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# Browsers take these only from this very host, over HTTPS, for all of it.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
