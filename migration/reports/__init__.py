"""What happened: the report of one run, as plain JSON."""

from migration.reports.durations import durations_by_state
from migration.reports.run_report import run_report

__all__ = ["durations_by_state", "run_report"]
