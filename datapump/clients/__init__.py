"""Clients of the remote systems."""
