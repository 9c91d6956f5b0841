"""The second wall: row-level security. Postgres itself shows an owner's requests that owner's rows and nothing else."""

from migration.walls.raising import raise_walls
from migration.walls.scope import scoped
from migration.walls.standing import role_may_be_taken, tenant_role, walls_wanting
from migration.walls.tables import GRANTS, SHARED, Bound, bound_of

__all__ = [
    "GRANTS",
    "SHARED",
    "Bound",
    "bound_of",
    "raise_walls",
    "role_may_be_taken",
    "scoped",
    "tenant_role",
    "walls_wanting",
]
