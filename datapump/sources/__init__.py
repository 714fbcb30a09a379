"""Feeds: one module per kind of feed; what is new in it, and which jobs that calls for."""
