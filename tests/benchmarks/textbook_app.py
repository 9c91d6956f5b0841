"""The endpoint a tutorial would write: a DRF serializer for each record, then one `bulk_create` that overwrites.

It checks no sum, keeps no backup, judges no conflict and proves nothing; it is here to be measured beside what does
(`textbook`), in the same project under the same server.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncserver.settings")
django.setup()

from django.conf import settings  # noqa: E402 - settings must be named first
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class Entry(models.Model):
    """One record, in a table like L's."""

    id = models.BigAutoField(primary_key=True)
    user = models.UUIDField()
    collection = models.TextField()
    key = models.TextField()
    value = models.JSONField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "textbook"
        db_table = "bench_textbook"

    def __str__(self) -> str:
        return f"{self.user}: {self.key}"


class EntrySerializer(serializers.Serializer[Entry]):
    """A record as it travels."""

    user = serializers.UUIDField()
    collection = serializers.CharField()
    key = serializers.CharField()
    value = serializers.JSONField()


class Entries(APIView):
    """Where records are posted."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Request) -> Response:
        """Write a list of records over what is there."""
        serializer = EntrySerializer(data=request.data, many=True)
        serializer.is_valid(raise_exception=True)
        rows = [Entry(**one) for one in serializer.validated_data]
        once = ["user", "collection", "key"]
        Entry.objects.bulk_create(
            rows, batch_size=1_000, update_conflicts=True, unique_fields=once, update_fields=["value", "updated_at"]
        )
        return Response({"stored": len(rows)}, status=201)


urlpatterns = [path("entries", Entries.as_view())]
settings.ROOT_URLCONF = __name__
settings.MIDDLEWARE = []  # the project's own know addresses that are not here
application = get_wsgi_application()
