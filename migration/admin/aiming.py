"""How much of an owner goes back, and to which revision, as a page's address says it."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest

from migration.admin.display import number, visible
from migration.models import Owner, Rollback
from migration.rollback import EVERYTHING, Within

_LONGEST = 10_000


@dataclass(frozen=True)
class Aim:
    """What an operator chose; `fields` fill the page's form, `wrong` says what could not be read."""

    within: Within
    revision: int
    fields: dict[str, Any]
    wrong: str = ""

    @property
    def words(self) -> str:
        """Say what goes back."""
        return words_of(self.within)


def aim_of(request: HttpRequest, owner: Owner, *, revision: int | None = None) -> Aim:
    """Read collection, key (a JSON string), namespace and, where none is given, the revision from a page's address.

    Raises Http404 for a revision the owner never had.
    """
    collection, key = (request.GET.get(name, "").replace("\x00", "")[:_LONGEST] for name in ("collection", "key"))
    namespace = request.GET.get("in", owner.app.namespace).replace("\x00", "")
    to = _revision(request, owner) if revision is None else revision
    fields = {"collection": collection, "key": key, "in": namespace, "to": to, "asks_revision": revision is None}
    if not key:
        return Aim(Within.of_collection(collection) if collection else EVERYTHING, to, fields)
    try:
        return Aim(Within.of_record(namespace=namespace, key_json=key), to, fields)
    except ValueError:
        return Aim(EVERYTHING, to, fields, 'A key is written as a JSON string, quotes included: "todo:1".')


def words_of(within: Within) -> str:
    """Say how much of an owner goes back."""
    if within.scope == Rollback.Scope.COLLECTION:
        return f"the collection {visible(within.collection, longest=80)}"
    if within.scope == Rollback.Scope.RECORD:
        return f"the record {visible(within.key_json, longest=80)}"
    return "every record"


def _revision(request: HttpRequest, owner: Owner) -> int:
    text = request.GET.get("to", "") or str(owner.revision)
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) <= owner.revision):
        raise Http404(f"The owner stands at revision {number(owner.revision)}.")
    return int(text)
