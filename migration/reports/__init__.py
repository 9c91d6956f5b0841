"""What happened and how things are: reports of runs as JSON and as pages, statistics, readiness, health."""

from migration.reports.decisions import Decision, decisions
from migration.reports.durations import durations_by_state
from migration.reports.page import POLICY, html_page
from migration.reports.proofs import prove_rollbacks
from migration.reports.readiness import Check, own_checks, readiness, system_readiness
from migration.reports.rehearsal import Rehearsal, rehearsals
from migration.reports.run_report import run_report
from migration.reports.stages import Census, Share, census_of
from migration.reports.statistics import statistics
from migration.reports.unserved import REASONS, Reached, unserved_by_panic
from migration.reports.vitals import database_milliseconds, health, is_migrated
from migration.reports.whole import html_report, prove, whole_report

__all__ = [
    "POLICY",
    "REASONS",
    "Census",
    "Check",
    "Decision",
    "Reached",
    "Rehearsal",
    "Share",
    "census_of",
    "database_milliseconds",
    "decisions",
    "durations_by_state",
    "health",
    "html_page",
    "html_report",
    "is_migrated",
    "own_checks",
    "prove",
    "prove_rollbacks",
    "readiness",
    "rehearsals",
    "run_report",
    "statistics",
    "system_readiness",
    "unserved_by_panic",
    "whole_report",
]
