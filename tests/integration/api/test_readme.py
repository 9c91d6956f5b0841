"""The README's Python: what an app's backend pastes signs its users in."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from migration.models import Owner
from tests.factories.doors import Browser, make_tenant

pytestmark = pytest.mark.django_db
README = (Path(__file__).resolve().parents[3] / "README.md").read_text()


class TestTheTokenSnippet:
    def test_makes_a_token_the_server_takes(self) -> None:
        tenant = make_tenant()
        snippet = re.search(r"```python\n(.*?)```", README, re.DOTALL)
        assert snippet
        names = {"secret_key": tenant.secret, "request": SimpleNamespace(user=SimpleNamespace(pk=4711))}
        exec(snippet[1].replace("pk_…", tenant.key), names)
        assert Browser(token=str(names["token"])).get("/config").status_code == 200
        assert Owner.objects.filter(app=tenant.app, subject="4711").exists()
