"""Zips of the Lambda functions, made of what is installed: no network is asked.

    python -m deployment.zips build/package

A zip holds our packages and the distributions that its function needs, with their bytecode, without which every cold
start would compile them. Two builds of the same sources are the same byte for byte. What belongs to the dispatcher,
which is too large for a zip, is written as a list of requirements for its image.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import py_compile
import re
import shutil
import sys
import tempfile
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parent.parent
PACKAGES = ("api", "datapump", "state_machine")
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}
LAMBDA = ("aws-lambda-powertools", "aws-xray-sdk", "boto3", "httpx", "pydantic-settings")
PIPELINE = (*LAMBDA, "obstore")
FUNCTIONS = {"api": (*LAMBDA, "fastapi", "mangum"), "executor": PIPELINE, "postprocessor": PIPELINE}
IMAGE = (*PIPELINE, "numpy", "pyarrow", "pyogrio", "shapely")
# botocore knows 400 services; these are used.
SERVICES = frozenset({"dynamodb", "emr", "secretsmanager", "stepfunctions", "sts"})
DATE = (1980, 1, 1, 0, 0, 0)


class File(NamedTuple):
    """A file of a zip: its name there, and where its content is."""

    name: str
    path: Path


def closure(roots: Iterable[str]) -> list[Distribution]:
    """The distributions, and all that they need, as they are installed here."""
    found: dict[str, Distribution] = {}
    open_ = [Requirement(root) for root in roots]
    seen: set[tuple[str, frozenset[str]]] = set()
    while open_:
        wanted = open_.pop()
        name = canonicalize_name(wanted.name)
        if (name, frozenset(wanted.extras)) in seen:
            continue
        seen.add((name, frozenset(wanted.extras)))
        found[name] = distribution(name)
        for text in found[name].requires or []:
            needed = Requirement(text)
            extras = wanted.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                open_.append(needed)
    return [found[name] for name in sorted(found)]


def files_of(roots: Iterable[str]) -> Iterator[File]:
    """Our packages' files, and those of the distributions and all that they need."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield File(path.relative_to(ROOT).as_posix(), path)
    for one in closure(roots):
        for file in one.files or []:
            if _is_needed(file.parts):
                yield File(file.as_posix(), Path(str(file.locate())))


def write_zip(target: Path, files: Iterable[File]) -> int:
    """Write a zip with the bytecode of its modules.

    Returns:
        Its size unpacked, in bytes.
    """
    size = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive, tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / "module.pyc"
        for file in sorted(set(files)):
            size += _add(archive, file.name, file.path.read_bytes())
            if file.name.endswith(".py") and _compile(file, compiled):
                cached = importlib.util.cache_from_source(file.name)
                size += _add(archive, cached, compiled.read_bytes())
    return size


def requirements(lock: str, roots: Iterable[str]) -> str:
    """The part of a lock file that belongs to the distributions and all that they need, with its hashes."""
    wanted = {canonicalize_name(one.metadata["Name"]) for one in closure(roots)}
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    kept = [entry for entry in entries if canonicalize_name(re.split(r"[=\[ ;]", entry, maxsplit=1)[0]) in wanted]
    return "".join(kept)


def build(target: Path) -> dict[str, int]:
    """Make all zips, the dispatcher's requirements, and the file that serverless.yml reads.

    Returns:
        The size of each zip unpacked, in bytes.
    """
    target.mkdir(parents=True, exist_ok=True)
    made: dict[tuple[str, ...], tuple[Path, int]] = {}
    for name, roots in FUNCTIONS.items():
        path = target / f"{name}.zip"
        if roots in made:
            shutil.copyfile(made[roots][0], path)
        else:
            made[roots] = path, write_zip(path, files_of(roots))
    sizes = {name: made[roots][1] for name, roots in FUNCTIONS.items()}
    lock = (ROOT / "requirements.lock").read_text()
    (target / "dispatcher-requirements.txt").write_text(requirements(lock, IMAGE))
    (target / "runtime.json").write_text(json.dumps(made_on()))
    return sizes


def made_on() -> dict[str, str]:
    """The Python and the processor that the zips are for: those of this machine, whose compiled libraries they hold."""
    return {
        "runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "architecture": MACHINES[platform.machine()],
    }


def _is_needed(parts: tuple[str, ...]) -> bool:
    """Whether a function needs an installed file: no commands, no bytecode, no services that nothing here asks."""
    if {"..", "__pycache__", "RECORD"} & {*parts}:
        return False
    if parts[:2] == ("botocore", "data") and len(parts) > 3:  # noqa: PLR2004 - botocore/data/service/...
        return parts[2] in SERVICES
    return parts[:2] not in {("boto3", "examples"), ("boto3", "data")}


def _compile(file: File, target: Path) -> bool:
    """Compile a module for use without a look at its source's time; False for what is no module of this Python."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    try:
        py_compile.compile(str(file.path), str(target), f"/var/task/{file.name}", doraise=True, invalidation_mode=mode)
    except py_compile.PyCompileError:
        return False
    return True


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> int:
    entry = zipfile.ZipInfo(name, DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
    archive.writestr(entry, content)
    return len(content)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the zips of the Lambda functions.")
    parser.add_argument("target", type=Path, help="the folder to make them in")
    for made, unpacked in build(parser.parse_args().target).items():
        sys.stdout.write(f"{made}.zip: {unpacked / 2**20:.1f} MiB unpacked\n")
