"""Guests' sessions, the configuration, and socket tickets."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from migration.api import answers, bodies, callers, limits, lookups, tokens
from migration.api.base import OwnerView, PublicView, identified
from migration.api.configuration import config_of
from migration.api.problems import json_answer
from migration.api.schema import operation
from migration.config import setting
from migration.cutover import Config, Stages, stages_for, stages_of_nobody
from migration.errors import GuestsNotAllowed
from migration.lifecycle import issue_ticket
from migration.models import App, Owner
from migration.orchestration import receipts
from migration.values.digests import from_wire
from migration.values.epochs import Epoch

_KNOWN = ("unauthenticated", "app_disabled", "origin_not_allowed")
_GUESTS = (*_KNOWN, "erased", "guests_not_allowed", "rate_limited")
_ASKING = ("Migration-App", "If-None-Match")


class SessionsView(PublicView):
    """A guest's way in."""

    @operation("session_open", body=bodies.Session, answer={200: answers.SessionOpened}, errors=_GUESTS, owned=False)
    def post(self, request: Request) -> HttpResponse:
        """Open a guest session."""
        limits.spend_guest_session(address=limits.address_of(request.META))
        body, at = bodies.parse(request, bodies.Session), timezone.now()
        subject = callers.guest_subject(from_wire(body.guest))
        found = lookups.find_guest(body.app_key, subject, callers.uuid_header(request, "Migration-Device"))
        app = found.app
        callers.admit(app, request)
        if not app.guests_allowed:
            raise GuestsNotAllowed
        owner_id, epoch, is_off = callers.owner_of(found, Owner.Kind.GUEST, subject, at=at, anew=body.anew)
        stages = stages_for(requests=found.requests, owner_id=owner_id, owner_off=is_off, has_receipt=found.has_receipt)
        token, expires_at = tokens.issue_guest_token(owner_id=owner_id, app_key=app.publishable_key, at=at)
        self.known_epoch = str(epoch)
        return json_answer(
            {
                "token": token,
                "expires_at": expires_at,
                "owner": str(owner_id),
                "epoch": str(epoch),
                "config": config_of(app, epoch, stages),
            }
        )


class ConfigView(PublicView):
    """What the browser needs to know; the publishable key is enough, a bearer token adds the owner's part of it."""

    @operation("config_show", answer={200: Config, 304: None}, errors=_KNOWN, headers=_ASKING, owned=False)
    def get(self, request: Request) -> HttpResponse:
        """Show the configuration."""
        app, epoch, stages = self._asked_for(request)
        self.known_epoch = str(epoch)
        config = config_of(app, epoch, stages)
        headers: dict[str, Any] = {"ETag": config.etag(), "Cache-Control": "private, no-cache"}
        if config.etag() in request.headers.get("If-None-Match", ""):
            return HttpResponse(status=304, headers=headers)
        return json_answer(config, headers=headers)

    def _asked_for(self, request: Request) -> tuple[App, Epoch, Stages]:
        if "Authorization" in request.headers:
            caller = identified(request)
            return caller.app, caller.epoch, caller.stages
        with limits.refusals_of(limits.address_of(request.META)):
            app, requests = lookups.app_named(request.headers.get("Migration-App", ""))
        callers.admit(app, request)
        # No owner, so the part that belongs to one says nothing.
        return app, Epoch(app.epoch, 0), stages_of_nobody(requests)


class TicketsView(OwnerView):
    """Permission to open a socket."""

    @operation("ticket_issue", body=bodies.TicketOrder, answer={201: answers.TicketIssued}, errors=["not_found"])
    def post(self, request: Request) -> HttpResponse:
        """Issue a one-time ticket."""
        body = bodies.parse(request, bodies.TicketOrder)
        ticket = issue_ticket(owner_id=self.caller.owner_id, run_id=body.run, at=timezone.now())
        return json_answer({"ticket": ticket, "expires_in": int(setting("TICKET_SECONDS"))}, status=201)


class KeysView(PublicView):
    """The keys receipts can be checked with."""

    @operation("keys_list", answer={200: answers.KeySet}, owned=False)
    def get(self, request: Request) -> HttpResponse:
        """Show them as a JWKS."""
        return json_answer(receipts.jwks(), headers={"Cache-Control": "public, max-age=300"})
