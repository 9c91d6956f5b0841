"""Probes."""

from django.http import HttpResponse
from django.templatetags.static import static
from django.utils import timezone
from rest_framework.renderers import StaticHTMLRenderer
from rest_framework.request import Request

from migration.api import accounts, answers, callers
from migration.api.base import PublicView
from migration.api.health import coordinator, health, readiness
from migration.api.problems import json_answer
from migration.api.schema import operation
from migration.errors import NotFound

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>syncserver API</title>
</head>
<body style="margin:0"><redoc spec-url="/api/v1/openapi.json"></redoc><script src="{script}"></script></body>
</html>
"""


class LiveView(PublicView):
    """The process answers."""

    @operation("probes_live", answer={200: answers.Alive}, owned=False)
    def get(self, request: Request) -> HttpResponse:
        """Say so."""
        return json_answer({"alive": True})


class ReadyView(PublicView):
    """Requests can be served."""

    @operation("probes_ready", answer={200: answers.Ready, 503: answers.Ready}, owned=False)
    def get(self, request: Request) -> HttpResponse:
        """Say whether they can."""
        told = readiness()
        return json_answer(told, status=200 if told["ready"] else 503)


class HealthView(PublicView):
    """How the parts are."""

    @operation(
        "probes_health",
        answer={200: accounts.Health, 503: accounts.Health},
        errors=["unauthenticated", "app_disabled", "origin_not_allowed"],
        owned=False,
    )
    def get(self, request: Request) -> HttpResponse:
        """Tell everybody whether it works; who shows an owner's token, of database, Redis, workers and queue too."""
        at = timezone.now()
        told = health(at=at)
        if told["status"] == "down":
            return json_answer({**told, "parts": None, "coordinator": None}, status=503)
        if "Authorization" in request.headers:
            caller = callers.identify(request, at=at)
            return json_answer({**told, "coordinator": coordinator(app=caller.app, at=at)})
        return json_answer({**told, "parts": None, "coordinator": None})


class OpenApiView(PublicView):
    """The description of this API."""

    def get(self, request: Request) -> HttpResponse:
        """Show the OpenAPI description."""
        from migration.api.openapi import openapi  # loaded by those who are asked

        return json_answer(openapi(), headers={"Cache-Control": "public, max-age=300"})


class DocsView(PublicView):
    """The description as a page. Everything it needs comes from this server."""

    renderer_classes = [StaticHTMLRenderer]

    def get(self, request: Request) -> HttpResponse:
        """Show it."""
        return HttpResponse(_PAGE.format(script=static("drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js")))


class NowhereView(PublicView):
    """Every address of the API that does not exist."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Say so, whatever the method."""
        raise NotFound("There is nothing at this address.")
