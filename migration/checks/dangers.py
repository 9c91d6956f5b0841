"""Every danger `check` knows: its id, what is wrong, and what to do. The README's table is made from this one."""

from dataclasses import dataclass

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as ToLookAt


@dataclass(frozen=True, slots=True)
class Danger:
    """A danger; an id with E stops a deployment, one with W should be looked at."""

    id: str
    message: str
    hint: str

    def told(self, detail: str = "") -> CheckMessage:
        """Return it as Django reports it, with what was found."""
        kind = Error if self.id.startswith("migration.E") else ToLookAt
        return kind(f"{self.message} {detail}".strip(), hint=self.hint, id=self.id)


def _of(number: str, message: str, hint: str) -> Danger:
    return Danger(f"migration.{number}", message, hint)


FAULTS = _of("E001", "Fault points are armed.", "Unset MIGRATION_FAULTS: it kills processes on purpose.")
NO_KEYS = _of(
    "E002",
    "Backups are wrapped by no key of their own.",
    "Set MIGRATION_ENCRYPTION_KEYS to keys of cryptography's Fernet.generate_key(), newest first, and keep a copy"
    " apart from the database.",
)
WEAK_KEY = _of(
    "E003", "An encryption key is not a random one.", "Make one with Fernet.generate_key(); rotate with the command."
)
MADE_UP_SECRET = _of(
    "E004",
    "SECRET_KEY is made up anew at each start.",
    "Set SECRET_KEY: it signs receipts and guests' tokens, and every process must have the same.",
)
EVERY_HOST = _of("W005", "ALLOWED_HOSTS lets every host in.", "List the names this server is reached under.")
OPEN_CORS = _of(
    "E006",
    "CORS is open beyond the apps' own origins.",
    "Unset CORS_ALLOW_ALL_ORIGINS, CORS_ALLOWED_ORIGINS, CORS_ALLOWED_ORIGIN_REGEXES and CORS_ALLOW_CREDENTIALS, and"
    " leave CORS_URLS_REGEX at ^/api/.",
)
LONG_TOKENS = _of(
    "W007",
    "Tokens or tickets live long.",
    "Keep MIGRATION_TOKEN_SECONDS at 900 or less, the skew at 120, MIGRATION_TICKET_SECONDS at 120.",
)
OPEN_REDIS = _of(
    "W008",
    "Redis is reached over a network without password or TLS.",
    "Use rediss://:password@host/: who writes there rings bells, and reads progress.",
)
PLAIN_POSTGRES = _of(
    "W009",
    "Postgres is reached over a network without TLS that is checked.",
    "Add ?sslmode=verify-full (and sslrootcert) to DATABASE_URL.",
)
FORKED_POOL = _of(
    "E010",
    "A pool of connections in a process that is no web server.",
    "Leave MIGRATION_PROCESS unset for workers and commands: what forks would share a connection.",
)
NO_LIMITS = _of(
    "W011",
    "A limit on requests is off.",
    "Give MIGRATION_REQUESTS_PER_MINUTE, GUEST_…, ADDRESS_… and GUEST_SESSIONS_… a number above 0.",
)
WIDE_GUESTS = _of(
    "W012",
    "Guests may send without end, or more than accounts.",
    "Keep each MIGRATION_GUEST_… quota above 0 and no larger than the account's: anybody can be a guest.",
)
PROXY_UNKNOWN = _of(
    "W013",
    "A proxy stands in front, but addresses are taken from the connection.",
    "Set MIGRATION_TRUSTED_PROXIES to the number of proxies; otherwise all users share the proxy's limits.",
)
PROXY_BELIEVED = _of(
    "W014",
    "X-Forwarded-For is believed although no proxy is declared.",
    "Set BEHIND_PROXY, or MIGRATION_TRUSTED_PROXIES to 0: otherwise anybody chooses the address counted for it.",
)
LOGGED_STATEMENTS = _of(
    "E015",
    "SQL statements are logged with their parameters.",
    "Set the logger django.db.backends above DEBUG: parameters are what users stored.",
)
OPEN_COOKIES = _of(
    "W016",
    "The admin's cookies are readable by scripts or sent from other sites.",
    "Keep SESSION_COOKIE_HTTPONLY on and SESSION_COOKIE_SAMESITE and CSRF_COOKIE_SAMESITE at Lax or Strict.",
)
SECRET_IN_FILE = _of(
    "E017",
    "A file browsers may fetch, or a template, holds a secret key of an app.",
    "Take it out and revoke it in the admin: secret keys (sk_…) stay on servers.",
)
PICKLED_JOBS = _of(
    "E018", "Jobs are read with pickle.", "Set RQ's SERIALIZER to rq.serializers.JSONSerializer in RQ_QUEUES."
)
NO_WALL = _of(
    "E020",
    "Tables stand without row-level security as it should be.",
    "Run `manage.py migrate`: it puts the policies on.",
)
NO_ROLE = _of(
    "W021",
    "Owners' requests have no database role of their own; only settings bind them.",
    'Let somebody who may make roles run: CREATE ROLE "{role}" NOLOGIN; GRANT "{role}" TO "{login}"; then migrate.',
)
UNBOUND = _of(
    "E022",
    "This login passes by row-level security, and there is no role to work under.",
    'Make the role (CREATE ROLE "{role}" NOLOGIN), or log in as one that is neither superuser nor BYPASSRLS.',
)
MIGHTY_LOGIN = _of(
    "W023",
    "This login is a superuser or passes by row-level security.",
    "Log in as an ordinary role that owns the tables, and grant it the tenants' role.",
)
PLAIN_ORIGINS = _of(
    "W024",
    "Active apps allow pages over plain HTTP.",
    "List https:// origins; whoever sits between could read and write their users' data.",
)
GENEROUS_APP = _of(
    "W025",
    "Active apps let guests send without end, or more than accounts.",
    "Lower the guest_… numbers in the apps' own limits.",
)

DANGERS: tuple[Danger, ...] = tuple(one for one in list(vars().values()) if isinstance(one, Danger))
