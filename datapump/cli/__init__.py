"""The command line: `datapump`."""

from datapump.cli.main import main

__all__ = ["main"]
