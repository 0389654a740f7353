"""Callouts: what policies ask of others, performed on the event loop of their streams."""
