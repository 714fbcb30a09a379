"""What tests of the local engine share."""

from __future__ import annotations

import os
import signal

import pytest

from datapump.engines.local.run_folder import RunFolder
from tests.datapump.engines.local.sites import LONG_S, Site


@pytest.fixture
def site(tmp_path):
    """An engine's folders; no worker is left."""
    site = Site(tmp_path)
    yield site
    site.release()
    for path in site.folder.glob("*/lock"):
        run = RunFolder(path.parent)
        if run.alive() and path.read_text():
            os.kill(int(path.read_text()), signal.SIGKILL)
            assert run.wait(LONG_S)
