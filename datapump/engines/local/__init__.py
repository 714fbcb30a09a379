"""The embedded engine: zonal statistics on this machine, each run in a worker process of its own."""

from datapump.engines.local.engine import LocalEngine

__all__ = ["LocalEngine"]
