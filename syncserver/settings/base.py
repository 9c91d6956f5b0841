"""What every process of the project shares; what an operator may change is an environment variable."""

import os
import secrets
from pathlib import Path
from typing import Any

from syncserver.settings import environment, logs, theme

BASE_DIR = Path(__file__).resolve().parent.parent.parent

# Which part this process plays: "web" holds a pool of connections, everything else one connection of its own; "worker",
# "sweeper" and "archive" show nobody pages and do without the admin.
PROCESS = environment.text("MIGRATION_PROCESS", "command")
IS_WEB = PROCESS == "web"
HAS_PAGES = PROCESS not in {"worker", "sweeper", "archive"}

DEBUG = environment.flag("DEBUG", default=False)
# A key made up on the spot lets tools and tests load the settings; the processes of one installation must
# share a real one, which is why production refuses to start without it.
SECRET_KEY = environment.text("SECRET_KEY") or secrets.token_urlsafe(50)
SECRET_KEY_IS_MADE_UP = not environment.text("SECRET_KEY")
SECRET_KEY_FALLBACKS = environment.words("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")

# The admin's look: `unfold`, or `none` for Django's own.
ADMIN_THEME = environment.choice("MIGRATION_ADMIN_THEME", theme.THEMES, default="unfold")
UNFOLD = theme.UNFOLD
# What the admin's badge calls this installation.
ENVIRONMENT = environment.text("MIGRATION_ENVIRONMENT", "local")

INSTALLED_APPS = [
    # The theme's templates must be found before Django's. Its site is not used as it is: ours builds upon it.
    *(["unfold.apps.BasicAppConfig"] if ADMIN_THEME == "unfold" else []),
    "syncserver.apps.SiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_rq",
    "migration",
    "syncserver.demo",
]

MIDDLEWARE = [
    "migration.api.tracing.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "migration.api.cors.OriginsMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "migration.admin.policy.content_policy",
]

ROOT_URLCONF = "syncserver.urls"
ASGI_APPLICATION = "syncserver.asgi.application"
WSGI_APPLICATION = "syncserver.wsgi.application"
# An API address that is wrong by a slash must be a 404: a redirect would drop the body of a POST.
APPEND_SLASH = True

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "syncserver" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Postgres ---------------------------------------------------------------------------------------------

DATABASE = environment.database(environment.text("DATABASE_URL", "postgresql:///syncserver"))
DATABASE["CONN_HEALTH_CHECKS"] = True
DATABASE["OPTIONS"].setdefault("application_name", f"syncserver-{PROCESS}")
DATABASE["OPTIONS"].setdefault("connect_timeout", "5")
if IS_WEB:
    # Under ASGI each request runs in a thread of its own, and a connection kept per thread is never used
    # again; the pool bounds them. It must not exist where a process forks: a forked pool shares a backend.
    DATABASE["CONN_MAX_AGE"] = 0
    # This one looks at its connections instead of asking the server about each before each request.
    DATABASE["ENGINE"], DATABASE["CONN_HEALTH_CHECKS"] = "syncserver.database", False
    DATABASE["OPTIONS"]["pool"] = {
        "min_size": environment.number("MIGRATION_POOL_MIN", 2),
        "max_size": environment.number("MIGRATION_POOL_MAX", 16),
        # Seconds a request waits for a connection before it is answered 503.
        "timeout": environment.number("MIGRATION_POOL_TIMEOUT", 5),
        "max_idle": 60,
        # Seconds to go on retrying a lost server in the background before giving the pool's slots up.
        "reconnect_timeout": 30,
    }
else:
    DATABASE["CONN_MAX_AGE"] = None
DATABASES = {"default": DATABASE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis: the doorbell and the progress channel, never the truth ----------------------------------------

REDIS_URL = environment.text("REDIS_URL", "redis://127.0.0.1:6379/0")
# A web request must not hang on a frozen Redis. A worker waits for its next bell on the socket, so there RQ
# sets the time-out that suits its own blocking call.
WAIT = float(environment.text("MIGRATION_REDIS_TIMEOUT", "0.5"))
PATIENCE = {"socket_connect_timeout": WAIT} | ({"socket_timeout": WAIT} if IS_WEB else {})
BELL_URL = environment.with_query(REDIS_URL, **PATIENCE)
RQ_QUEUE = {
    "URL": BELL_URL,
    "SERIALIZER": "rq.serializers.JSONSerializer",
    "DEFAULT_TIMEOUT": environment.number("MIGRATION_JOB_TIMEOUT", 600),
}
RQ_QUEUES = {"default": RQ_QUEUE}
RQ = {"COMMIT_MODE": "on_db_commit", "WORKER_CLASS": "rq.SimpleWorker"}
RQ_SHOW_ADMIN_LINK = True
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [REDIS_URL],
            # Redis' publish/subscribe ignores the database number; installations sharing a server need this.
            "prefix": environment.text("MIGRATION_CHANNEL_PREFIX", "syncserver"),
        },
    },
}

# --- The API ----------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    # Bearer tokens only: each view names its authentication, and no view takes a cookie.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "syncserver",
    "DESCRIPTION": "Moves what web apps keep in localStorage to a server, and back.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    # It would describe every address; only those of `migration.api.urls.documented` are, and tests hold them to it.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
# Origins are a matter of each app; the API answers corsheaders' signal from the database.
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_CREDENTIALS = False
CORS_EXPOSE_HEADERS = ["etag", "retry-after", "backoff", "migration-epoch", "migration-digest", "x-request-id"]
CORS_ALLOW_METHODS = ["GET", "POST", "PUT", "OPTIONS"]
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-encoding",
    "content-type",
    "if-none-match",
    *(
        f"migration-{name}"
        for name in ("app", "device", "epoch", "fence", "seq", "entries", "bytes", "sha256", "reason")
    ),
]
CORS_PREFLIGHT_MAX_AGE = 600

# --- Words, time, files -----------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# The built SDK, so that Python alone is enough to serve it.
STATICFILES_DIRS = [("sdk", path)] if (path := BASE_DIR / "frontend_sdk" / "dist").is_dir() else []
# The Python server hands out static files itself unless something faster stands before it.
SERVE_STATIC = environment.flag("MIGRATION_SERVE_STATIC", default=True)

# --- Cookies exist for the admin alone --------------------------------------------------------------------

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = environment.words("CSRF_TRUSTED_ORIGINS")
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- Logs and the app's own settings ----------------------------------------------------------------------

LOGGING = logs.settings(
    level=environment.text("LOG_LEVEL", "INFO"), as_json=environment.flag("LOG_JSON", default=not DEBUG)
)
logs.configure()
# Everything the app itself may be told; `migration.config` knows the names, their types and their defaults.
MIGRATION = {
    name.removeprefix("MIGRATION_"): value for name, value in os.environ.items() if name.startswith("MIGRATION_")
}
