"""What every view of the API shares: who calls, under which epoch, how errors and answers look."""

from contextlib import ExitStack
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.views import APIView
from structlog.contextvars import bound_contextvars

from migration.api import admission, callers, limits
from migration.api.callers import Caller
from migration.api.problems import answer_exception
from migration.cutover import check_epoch
from migration.errors import Erased, Refused, StaleEpoch
from migration.loading import ROOM
from migration.values.epochs import Epoch
from migration.walls import scoped

_OF_THE_GONE = (IntegrityError, ObjectDoesNotExist, Refused)
"""What a request runs into whose owner is erased while it is under way."""


class PublicView(APIView):
    """A view that answers anybody."""

    # Preflights are answered before any view; nothing else needs OPTIONS.
    http_method_names = ["get", "head", "post", "put"]
    known_epoch: str | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a method nobody here knows before anything else of the request is looked at."""
        method = (request.method or "").lower()
        if method not in self.http_method_names or not hasattr(self, method):
            self.http_method_not_allowed(request, *args, **kwargs)
        super().initial(request, *args, **kwargs)

    # The framework's types want its own Response; any HttpResponse does, and ours skips a second rendering.
    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """Turn whatever was raised into the one error shape."""
        return answer_exception(exc, where=type(self).__name__)

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Name the epoch on every answer that knows one."""
        answer = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        if self.known_epoch is not None:
            answer.headers["Migration-Epoch"] = self.known_epoch
        return answer


def identified(request: Request, *, anew: bool = False) -> Caller:
    """Find out who calls; an address that brings too many bad tokens is no longer listened to."""
    with limits.refusals_of(limits.address_of(request.META)):
        return callers.identify(request, at=timezone.now(), anew=anew)


class OwnerView(PublicView):
    """A view that serves one owner: bearer token, this app's origins, limits, the epoch that holds now."""

    caller: Caller
    uploads_by: str = ""
    """The method that brings something to be loaded: it is taken only where there is room."""
    room = ROOM
    anew = False
    """Whether asking this is the choice of somebody who was erased to begin with nothing."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer; once it is known who calls, all of it inside the caller's scope."""
        with ExitStack() as self.walls:
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find out who calls before anything of the body is read."""
        super().initial(request, *args, **kwargs)
        self.caller = identified(request, anew=self.anew)
        self.known_epoch = str(self.caller.epoch)
        if request.method == self.uploads_by:
            self.room = admission.admit()
        self.walls.enter_context(bound_contextvars(**_whose(self.caller, kwargs)))
        self.walls.enter_context(scoped(app_id=self.caller.app.id, owner_id=self.caller.owner_id))
        self._count(request)
        told = callers.epoch_header(request)
        if told is not None:
            current = self.caller.epoch
            # Whoever knows the configuration from the publishable key alone was told nothing of the owner's part.
            check_epoch(told=Epoch(told.app, told.owner or current.owner), current=current)

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """As above; where room grows scarce, ask for a pause."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        hint = admission.hint_of(self.room)
        if hint is not None and answer.status_code < 400:
            answer.headers[admission.HINT] = hint
        return answer

    def _count(self, request: Request) -> None:
        app, address = self.caller.app, limits.address_of(request.META)
        limits.spend_request(
            owner_id=self.caller.owner_id, is_guest=self.caller.is_guest, app_id=app.id, own=app.limits, address=address
        )

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """As above; a stale device is told the configuration that holds now, an erased owner just that."""
        if isinstance(exc, _OF_THE_GONE) and hasattr(self, "caller") and callers.is_gone(self.caller.owner_id):
            exc = Erased()
        if isinstance(exc, StaleEpoch) and hasattr(self, "caller"):
            self._tell_current(exc)
        return super().handle_exception(exc)

    def _tell_current(self, stale: StaleEpoch) -> None:
        """Put epoch and configuration of this moment into the answer: the caller was found under an older one."""
        from migration.api.configuration import config_of

        now = callers.as_of_now(self.caller)
        self.known_epoch = str(now.epoch)
        stale.extras.update(epoch=self.known_epoch, config=config_of(now.app, now.epoch, now.stages))


def _whose(caller: Caller, address: dict[str, Any]) -> dict[str, str]:
    """Return what every log line of the request should say of it: the app, the owner, and the run if it names one."""
    run = {"run": str(address["run_id"])} if "run_id" in address else {}
    return {"app": str(caller.app.id), "owner": str(caller.owner_id), **run}
