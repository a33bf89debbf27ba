"""Deterministic listeners with planted habits, for demonstrations, training and tests."""
