"""Brings decoded rows into Postgres: staging by COPY, one merge, and everything that must commit with it."""

from migration.loading.batcher import AdaptiveBatcher, BatchSize
from migration.loading.breaker import CircuitBreaker
from migration.loading.engine import LoadEngine
from migration.loading.exact import Exact
from migration.loading.indexes import secondary_index
from migration.loading.ladder import by_halves
from migration.loading.merge import merge
from migration.loading.monitor import cpu_share, latency_seconds, queue_seconds, read_all
from migration.loading.ownership import wait_for_owners
from migration.loading.parts import POISON, LoadReport, Part, Refused, RunTerms
from migration.loading.pipeline import MigrationPipeline
from migration.loading.replaying import replay
from migration.loading.resources import ROOM, Limits, Priority, ResourceManager, Verdict, gives_way, jittered
from migration.loading.restoring import restore
from migration.loading.staffing import Load, Staff, staff
from migration.loading.staging import stage
from migration.loading.strategies import AUTO, WISHES, Choice, Job, Strategy, choose

__all__ = [
    "AUTO",
    "POISON",
    "ROOM",
    "WISHES",
    "AdaptiveBatcher",
    "BatchSize",
    "Choice",
    "CircuitBreaker",
    "Exact",
    "Job",
    "Limits",
    "Load",
    "LoadEngine",
    "LoadReport",
    "MigrationPipeline",
    "Part",
    "Priority",
    "Refused",
    "ResourceManager",
    "RunTerms",
    "Staff",
    "Strategy",
    "Verdict",
    "by_halves",
    "choose",
    "cpu_share",
    "gives_way",
    "jittered",
    "latency_seconds",
    "merge",
    "queue_seconds",
    "read_all",
    "replay",
    "restore",
    "secondary_index",
    "staff",
    "stage",
    "wait_for_owners",
]
