"""Cookies belong to pages: the API neither reads nor sets them, and the admin's forms still want their token."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories.loads import make_app

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("ada"))
    return client


class TestTheApi:
    def test_reads_no_session_and_sets_no_cookie(self, ada: Client) -> None:
        app = make_app()
        with CaptureQueriesContext(
            connection,
        ) as asked:
            answer = ada.get("/api/v1/config", headers={"Migration-App": app.publishable_key})
        assert answer.status_code == 200
        assert not answer.cookies
        assert "Cookie" not in answer.headers.get("Vary", "")
        assert not [one for one in asked.captured_queries if "django_session" in one["sql"]]


class TestThePages:
    def test_know_who_is_signed_in_and_want_their_forms_token(self, ada: Client) -> None:
        page = ada.get(reverse("admin:index"))
        assert (page.status_code, page.headers["X-Frame-Options"]) == (200, "DENY")
        assert ada.post(reverse("admin:logout")).status_code == 403
