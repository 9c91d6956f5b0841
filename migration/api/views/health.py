"""Probes."""

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from migration.api import answers
from migration.api.base import PublicView
from migration.api.health import health, readiness
from migration.api.problems import json_answer
from migration.api.schema import openapi, operation
from migration.errors import NotFound


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

    @operation("probes_health", answer={200: answers.Health, 503: answers.Health}, owned=False)
    def get(self, request: Request) -> HttpResponse:
        """Tell of database, Redis, workers and queue."""
        told = health(at=timezone.now())
        return json_answer(told, status=503 if told["status"] == "down" else 200)


class OpenApiView(PublicView):
    """The description of this API."""

    def get(self, request: Request) -> HttpResponse:
        """Show the OpenAPI description."""
        return json_answer(openapi(), headers={"Cache-Control": "public, max-age=300"})


class NowhereView(PublicView):
    """Every address of the API that does not exist."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Say so, whatever the method."""
        raise NotFound("There is nothing at this address.")
