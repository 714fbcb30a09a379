"""What tests of the pipeline share."""

from __future__ import annotations

import pytest

from tests.support.lake import Lake


@pytest.fixture
def lake(tmp_path):
    """Releases and versions of raster datasets, none yet."""
    lake = Lake(tmp_path)
    yield lake
    lake.close()
