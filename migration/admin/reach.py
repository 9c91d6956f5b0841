"""How far a member of staff sees: a superuser everything, everybody else what belongs to the apps they are staff of."""

from typing import Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model, Q, QuerySet

from migration.models import App, Owner

Row = TypeVar("Row", bound=Model)


def within_reach(rows: QuerySet[Row], *, user: AbstractBaseUser | AnonymousUser) -> QuerySet[Row]:
    """Keep the rows `user` may see. What names no app and no owner is for superusers alone."""
    if getattr(user, "is_superuser", False):
        return rows
    apps: Any = App.objects.filter(staff=user.pk).values("id")
    if rows.model is App:
        return rows.filter(pk__in=apps)
    columns = {field.attname for field in rows.model._meta.concrete_fields}  # noqa: SLF001 - Django's documented model API
    of_app, of_owner = Q(app_id__in=apps), Q(owner_id__in=Owner.objects.filter(app_id__in=apps).values("id"))
    if columns >= {"app_id", "owner_id"}:
        return rows.filter(of_app | Q(app_id=None) & of_owner)  # audit lines may name the owner alone
    if "app_id" in columns:
        return rows.filter(of_app)
    return rows.filter(of_owner) if "owner_id" in columns else rows.none()
