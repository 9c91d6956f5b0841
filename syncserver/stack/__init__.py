"""Starts the whole thing on one machine: real Postgres, real Redis, web, workers, sweeper."""

from syncserver.stack.errors import StackError
from syncserver.stack.stack import PROJECT, Stack
from syncserver.stack.supervisor import Child, DidNotStart

__all__ = ["PROJECT", "Child", "DidNotStart", "Stack", "StackError"]
