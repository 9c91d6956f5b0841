"""Measures, never tests: `make bench` prints ratios taken in one interleaved run (README, "How fast")."""
