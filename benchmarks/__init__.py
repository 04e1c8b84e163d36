"""Benchmarks: each compares a part of Regrade with what one would write without it."""
