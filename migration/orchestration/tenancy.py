"""Apps and their keys: made here for the admin, the demo and tests alike."""

import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from migration.config import encryption_keys
from migration.errors import BadInput, Refused
from migration.lifecycle import audit
from migration.models import App, AppSecret, CollectionStage
from migration.states import Stage
from migration.values.envelopes import wrapper

KEY_ID_LENGTH = 8
MAX_ACTIVE_SECRETS = 2
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?:[a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}|\[[0-9a-f:.]+\]")


class OriginInvalid(BadInput):
    """An origin is scheme://host or scheme://host:port and nothing else."""

    code = "origin_invalid"


class TooManySecrets(Refused):
    """Two secrets are active; revoke one first."""

    code = "too_many_secrets"


def create_app(
    *,
    name: str,
    slug: str,
    origins: Iterable[str] = (),
    stage: Stage = Stage.DUAL_WRITE,
    at: datetime,
    actor: str,
    **columns: Any,
) -> App:
    """Make an app with a publishable key of its own; its collections begin at `stage`. Raises OriginInvalid."""
    allowed = [normal_origin(origin) for origin in origins]
    with transaction.atomic():
        app = App.objects.create(
            name=name, slug=slug, publishable_key=new_publishable_key(), allowed_origins=allowed, **columns
        )
        CollectionStage.objects.create(app=app, stage=stage, changed_at=at)
        audit(actor=actor, action="app_created", target=app.id, at=at, app_id=app.id, data={"slug": slug})
    return app


def new_publishable_key() -> str:
    """Return a fresh publishable key. It is public: it names the app and grants its configuration."""
    return f"pk_{secrets.token_urlsafe(18)}"


def add_secret(*, app: App, at: datetime, actor: str) -> str:
    """Give an app one more secret key and return it. It is not shown again: only its wrapped form is kept.

    Raises TooManySecrets when two are active.
    """
    plain = f"sk_{secrets.token_urlsafe(36)}"
    with transaction.atomic():
        App.objects.select_for_update(no_key=True).get(id=app.id)
        if AppSecret.objects.filter(app=app, revoked_at=None).count() >= MAX_ACTIVE_SECRETS:
            raise TooManySecrets
        wrapped = wrapper(encryption_keys()).encrypt(plain.encode())
        secret = AppSecret.objects.create(app=app, key_id=key_id_of(plain), wrapped=wrapped)
        audit(actor=actor, action="secret_added", target=secret.key_id, at=at, app_id=app.id)
    return plain


def revoke_secret(*, secret: AppSecret, at: datetime, actor: str) -> None:
    """Revoke a secret; tokens signed with it are refused from now on. Doing it twice is doing it once."""
    with transaction.atomic():
        if AppSecret.objects.filter(id=secret.id, revoked_at=None).update(revoked_at=at):
            audit(actor=actor, action="secret_revoked", target=secret.key_id, at=at, app_id=secret.app_id)


def key_id_of(plain: str) -> str:
    """Return the id of a secret key: its first characters after `sk_`."""
    return plain.removeprefix("sk_")[:KEY_ID_LENGTH]


def normal_origin(text: str) -> str:
    """Return an origin as browsers write it: lower case, no default port, nothing after it. Raises OriginInvalid."""
    try:
        parts = urlsplit(text.strip().lower())
        port = parts.port
    except ValueError as error:
        raise OriginInvalid from error
    host = parts.netloc.rsplit(":", 1)[0] if port is not None else parts.netloc
    extra = parts.path or parts.query or parts.fragment or parts.username
    if parts.scheme not in _DEFAULT_PORTS or extra or not _HOST.fullmatch(host):
        raise OriginInvalid
    return (
        f"{parts.scheme}://{host}"
        if port in (None, _DEFAULT_PORTS[parts.scheme])
        else f"{parts.scheme}://{host}:{port}"
    )
