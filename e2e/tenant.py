"""An app of the specs' own on the stack: its keys, and the backend that signs its users in."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import uuid4

import httpx
from django.utils import timezone

from e2e.console import Console
from migration.api.tokens import issue_user_token
from syncserver.stack import Stack

LIFETIME = 900
KNOWN_WITHIN = 30.0
SKEW = 60
_PROGRAM = """
from django.utils import timezone
from migration.orchestration.tenancy import add_secret, create_app
given = dict(at=timezone.now(), actor='e2e')
app = create_app(name='e2e', slug=slug, origins=[origin], allow_sensitive=['*'], collections=collections, **given)
told = dict(id=str(app.id), slug=app.slug, key=app.publishable_key, secret=add_secret(app=app, **given))
"""


@dataclass(frozen=True)
class Tenant:
    """An app: its id and slug, its publishable key, its secret key, and the one origin its pages come from."""

    id: str
    slug: str
    key: str
    secret: str
    origin: str


def make_tenant(
    console: Console, stack: Stack, *, origin: str, slug: str = "e2e", collections: Iterable[str] = ()
) -> Tenant:
    """Make the app, and wait until the server lets its pages ask.

    Its collections have the keys that begin with their names and a colon.
    """
    declared = [{"name": name, "patterns": [f"{name}:*"]} for name in collections]
    tenant = Tenant(**console.run(_PROGRAM, origin=origin, slug=slug, collections=declared), origin=origin)
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    deadline = time.monotonic() + KNOWN_WITHIN
    ask = partial(httpx.options, f"{stack.url}/api/v1/runs", headers=headers, timeout=30)
    while "Access-Control-Allow-Origin" not in ask().headers:
        assert time.monotonic() < deadline, "an origin just listed is still refused"
        time.sleep(0.1)
    return tenant


class Backend:
    """What an app's own server does for its user: it hands out short tokens while the user is signed in."""

    def __init__(self, tenant: Tenant) -> None:
        self.user = f"anna-{uuid4().hex[:8]}"
        self.signed_in = True
        self.refreshes = 0
        self._tenant = tenant
        self._token = self.token()
        self._ends = timezone.now() + timedelta(seconds=LIFETIME + SKEW)

    def token(self, *, age: float = 0) -> str:
        """Return a token that was issued `age` seconds ago."""
        at = timezone.now() - timedelta(seconds=age)
        return issue_user_token(self._tenant.secret, self.user, app_key=self._tenant.key, lifetime=LIFETIME, at=at)

    def age_token(self, seconds_left: float) -> None:
        """Make the token at hand one that the server takes for so many seconds more."""
        self._token = self.token(age=LIFETIME + SKEW - seconds_left)
        self._ends = timezone.now() + timedelta(seconds=seconds_left)

    def renew(self) -> None:
        """Hand out a new token from now on: somebody signed in."""
        self._token = self.token()

    def token_is_over(self) -> bool:
        """Tell whether the server refuses the token at hand by now."""
        return timezone.now() > self._ends + timedelta(seconds=1)

    def provide(self, refresh: bool) -> str | None:
        """Answer the page: the token at hand, or another one when that was refused."""
        if refresh:
            self.refreshes += 1
            if not self.signed_in:
                return None
            self._token = self.token()
        return self._token
