"""Starts the whole thing on one machine: real Postgres, real Redis, web, workers, sweeper."""
