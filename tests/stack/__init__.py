"""Tests of the supervisor: real servers, real signals."""
