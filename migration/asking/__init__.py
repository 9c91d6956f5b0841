"""Prepared statements, as many to a message as are asked together, and their rows: each message is one wait."""

from migration.asking.asking import ask, ask_all
from migration.asking.exchange import Rows

__all__ = ["Rows", "ask", "ask_all"]
