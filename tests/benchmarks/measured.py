"""Run a program and print its wall time (s) and its peak memory (bytes) as JSON. Arguments: the program and its own.

A process of its own, and a small one: the peak that Linux reports for a program is at least that of whoever started it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time


def main(command: list[str]) -> None:
    """Run it, let its errors through, and fail if it fails."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    json.dump({"seconds": seconds, "peak": peak}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
