"""The contract as text: `python -m api.openapi > openapi.json` brings the committed one up to date."""

from __future__ import annotations

import json
import sys

from api.app import build


def render() -> str:
    """The contract in JSON; the same code always gives the same text."""
    return json.dumps(build().openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
