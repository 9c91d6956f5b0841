"""Column types Django does not have."""

from typing import Any

from django.db import models


class JsonTextField(models.TextField):  # type: ignore[type-arg] # cannot be subscripted at run time
    """A Postgres `json` column read and written as text, so that every byte of it survives.

    `json` (not `jsonb`) keeps member order, duplicate members and number forms; reading it as text keeps
    psycopg from parsing it (a lone surrogate escape would not survive the round trip).
    """

    def db_type(self, connection: Any) -> str:
        return "json"

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        return f"{sql}::text", params

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        return "%s::json"
