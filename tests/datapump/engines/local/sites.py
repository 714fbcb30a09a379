"""A local engine with folders of its own, whose workers can be made to wait."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import shapely

from datapump.clock import SystemClock
from datapump.engines import AnalysisRequest
from datapump.engines.local.engine import LocalEngine
from datapump.engines.local.run_folder import Order, RunFolder
from datapump.objects import Objects
from tests.datapump.engines.local import worlds
from tests.datapump.engines.local.worlds import World, files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONG_S = 60
PARENT = """
import sys
from pathlib import Path
from datapump.clock import SystemClock
from datapump.engines import AnalysisRequest
from datapump.engines.local.engine import LocalEngine
from datapump.objects import Objects
folder, objects, layers, request = sys.argv[1:]
engine = LocalEngine(Path(folder), Objects(Path(objects)), Path(layers), 2, SystemClock())
engine.start(AnalysisRequest.model_validate_json(request))
print("started", flush=True)
sys.stdin.read()
"""


class Site:
    """An engine's folders, a world in its objects, and a gate that workers wait at.

    The gate is the layer catalog, made a named pipe: a worker that opens it stands still until somebody writes.
    """

    def __init__(self, folder: Path):
        self.folder = folder / "engine"
        self.objects = folder / "objects"
        self.gate = folder / "layers.toml"
        world = World("gadm", [(worlds.NAMES["gadm"][k], shapely.box(k, 0, k + 2, 1)) for k in range(4)])
        world.fires = [(0.5, k / 10, f"2026-01-{k % 9 + 1:02}", "lnh"[k % 3]) for k in range(60)]
        world.write(self.objects / "s3" / "lake")
        self.held = None

    def engine(self, max_runs=2, *, gated=False) -> LocalEngine:
        if gated and not self.gate.exists():
            os.mkfifo(self.gate)
        return LocalEngine(self.folder, Objects(self.objects), self.gate if gated else None, max_runs, SystemClock())

    def request(self, name="run-1", **changes) -> AnalysisRequest:
        fields = {
            "name": name,
            "analysis": "viirs",
            "feature_type": "gadm",
            "features": ["s3://lake/features.tsv"],
            "fire_sources": ["s3://lake/fires.tsv"],
            "output": f"s3://results/{name}",
        }
        return AnalysisRequest.model_validate(fields | changes)

    def start_gated(self, engine, request) -> None:
        """Start a run and return when its worker stands at the gate."""
        starting = threading.Thread(target=engine.start, args=(request,))
        starting.start()
        self.open_gate()  # start itself reads the catalog too
        starting.join()
        self.held = self.gate.open("w")  # returns when the worker has opened it to read

    @contextmanager
    def server(self) -> Iterator[subprocess.Popen[str]]:
        """Another process, which has started a run whose worker stands at the gate."""
        arguments = [str(path) for path in (self.folder, self.objects, self.gate)]
        with subprocess.Popen(
            [sys.executable, "-c", PARENT, *arguments, self.request().model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as parent:
            self.open_gate()
            assert parent.stdout.readline() == "started\n"
            yield parent

    def open_gate(self) -> None:
        with self.gate.open("w") as gate:
            gate.write("")

    def release(self) -> None:
        if self.held is not None:
            self.held.close()
            self.held = None

    def order(self) -> Order:
        """What a worker is told of the run."""
        return Order(request=self.request(), objects_root=self.objects, layers=None)

    def run(self, name="run-1") -> RunFolder:
        return RunFolder(self.folder / name)

    def pid(self, name="run-1") -> int:
        return int((self.folder / name / "lock").read_text())

    def result(self, name="run-1") -> dict[str, bytes]:
        return files(self.objects / "s3" / "results" / name)

    def expected(self) -> dict[str, bytes]:
        """What an undisturbed run writes."""
        from datapump.engines.local import zonal  # noqa: PLC0415 - the engine itself does without

        zonal.run(self.request(output="s3://results/undisturbed"), Objects(self.objects), layers=None, progress=_silent)
        return self.result("undisturbed")


def _silent(*_):
    pass


def ended(site, engine, name="run-1"):
    assert site.run(name).wait(LONG_S)
    return engine.find(name)
