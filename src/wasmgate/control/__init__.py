"""Decisions that are taken beside requests: the health of endpoints."""
