"""Brings decoded rows into Postgres: staging by COPY, one merge, and everything that must commit with it."""

from migration.loading.batcher import AdaptiveBatcher, BatchSize
from migration.loading.engine import LoadEngine
from migration.loading.exact import Exact, by_halves, copy_exact
from migration.loading.merge import merge
from migration.loading.ownership import wait_for_owners
from migration.loading.parts import POISON, LoadReport, Part, Refused, RunTerms
from migration.loading.pipeline import MigrationPipeline
from migration.loading.replaying import replay
from migration.loading.restoring import restore
from migration.loading.staging import stage

__all__ = [
    "POISON",
    "AdaptiveBatcher",
    "BatchSize",
    "Exact",
    "LoadEngine",
    "LoadReport",
    "MigrationPipeline",
    "Part",
    "Refused",
    "RunTerms",
    "by_halves",
    "copy_exact",
    "merge",
    "replay",
    "restore",
    "stage",
    "wait_for_owners",
]
