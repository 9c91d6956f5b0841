"""Plans of cutovers, straight into Postgres."""

from typing import Any

from migration.cutover.plans import STANDARD, Plan
from migration.models import App, CutoverPlan
from tests.factories.loads import LONG_AGO, make_app


def make_plan(app: App | None = None, *, collection: str = "", plan: Plan = STANDARD, **columns: Any) -> CutoverPlan:
    """Return a plan of a collection of `app`, or of an app of its own."""
    terms = {"terms": plan.as_data(), "attended_at": LONG_AGO, **columns}
    return CutoverPlan.objects.create(app=app or make_app(), collection=collection, **terms)
