"""Seeds the demo app and the administrator; running it again brings both back to what they should be."""

import os
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from migration.models import App
from migration.orchestration.tenancy import create_app, normal_origin

SLUG = "demo"
PUBLISHABLE_KEY = "pk_demo"
ACTOR = "seed_demo"
USUAL_ORIGINS = "http://127.0.0.1:8000,http://localhost:8000"
COLLECTIONS = [
    {"name": "notes", "patterns": ["note:*"]},
    {"name": "todos", "patterns": ["todo:*"]},
    {"name": "settings", "patterns": ["settings"]},
]


class Command(BaseCommand):
    """The demo page's app, and `admin` with the password given in the environment."""

    help = (
        "Seed the demo app (pages of DEMO_ORIGIN, comma separated, may use it) and, when DEMO_ADMIN_PASSWORD is set, "
        "the superuser admin. Idempotent."
    )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do both in one transaction."""
        with transaction.atomic():
            app = _seed_app(os.environ.get("DEMO_ORIGIN") or USUAL_ORIGINS)
            password = os.environ.get("DEMO_ADMIN_PASSWORD")
            if password:
                _seed_admin(password)
        if options["verbosity"] >= 2:
            self.stdout.write(f"{app.name}: {app.publishable_key} for {', '.join(app.allowed_origins)}")


def _seed_app(origins: str) -> App:
    wanted = {
        "publishable_key": PUBLISHABLE_KEY,
        "allowed_origins": [normal_origin(origin) for origin in origins.split(",") if origin.strip()],
        "collections": COLLECTIONS,
        "guests_allowed": True,
        "is_active": True,
    }
    if not App.objects.filter(slug=SLUG).exists():
        create_app(name="Demo: notes and todos", slug=SLUG, at=timezone.now(), actor=ACTOR)
    App.objects.filter(slug=SLUG).update(**wanted)
    return App.objects.get(slug=SLUG)


def _seed_admin(password: str) -> None:
    users = get_user_model().objects
    admin, _ = users.get_or_create(username="admin")
    if not (admin.check_password(password) and admin.is_superuser and admin.is_staff and admin.is_active):
        admin.set_password(password)
        admin.is_superuser = admin.is_staff = admin.is_active = True
        admin.save()
