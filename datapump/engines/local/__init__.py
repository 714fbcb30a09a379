"""The embedded engine: zonal statistics on this machine, each run in a worker process of its own."""
