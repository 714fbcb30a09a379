"""rasterio, imported without boto3.

rasterio imports boto3 wherever that is installed, to hand its credentials on; here GDAL asks for none. Without
it the processes of a run start in two thirds of the time.
"""

from __future__ import annotations

import sys
from typing import Any, cast

# None in place of a module makes its import fail, which rasterio takes for "not installed".
_ours = "boto3" not in sys.modules
if _ours:
    sys.modules["boto3"] = cast("Any", None)
try:
    import rasterio
    from rasterio.abc import MultiByteRangeResourceContainer as RangesContainer
    from rasterio.errors import NotGeoreferencedWarning, RasterioError
    from rasterio.windows import Window
finally:
    if _ours:
        del sys.modules["boto3"]

__all__ = ["NotGeoreferencedWarning", "RangesContainer", "RasterioError", "Window", "rasterio"]
