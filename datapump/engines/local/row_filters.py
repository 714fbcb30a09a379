"""Which rows of feature files an analysis looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pyarrow import compute

from datapump.analyses import Analysis, FeatureType
from datapump.engines.local.delimited import texts

if TYPE_CHECKING:
    from datapump.engines import AnalysisRequest
    from datapump.engines.local.grouping import BoolArray

# The column that says whether an analysis has rasters at a row, which whoever exports the rows sets by 10-degree tile.
_FLAGS = {Analysis.TCL: "tcl", Analysis.GLAD: "glad", Analysis.INTEGRATED_ALERTS: "glad"}
_YES = ("t", "T", "true", "True", "TRUE", "1", "Yes", "yes", "YES")
ISO_COLUMNS = {FeatureType.GADM: "gid_0", FeatureType.WDPA: "iso3"}

Problems = list[tuple[str, "BoolArray"]]


@dataclass(frozen=True)
class RowFilter:
    """The rows that are looked at.

    Attributes:
        flag: Column that must say yes, where there is such a column; None: no such rule.
        iso_column: Column of the country's code; None: no such rule.
        iso_start: The first code, in the order of texts; "": from the beginning.
        iso_end: The code behind the last one; "": to the end.
    """

    flag: str | None = None
    iso_column: str | None = None
    iso_start: str = ""
    iso_end: str = ""

    @classmethod
    def of(cls, request: AnalysisRequest) -> RowFilter:
        """What a request asks for; of geostores GeoTrellis does not look at the flags, so neither does this."""
        flag = None if request.feature_type is FeatureType.GEOSTORE else _FLAGS.get(request.analysis)
        if not (request.iso_start or request.iso_end):
            return cls(flag)
        return cls(flag, ISO_COLUMNS[request.feature_type], request.iso_start, request.iso_end)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads where a file has them."""
        return () if self.flag is None else (self.flag,)

    def problems(self, columns: dict[str, Any]) -> Problems:
        """Why rows of a batch are left out, and which, shape (n,) each.

        Args:
            columns: Raw values by field name, binary arrow arrays of shape (n,).
        """
        found: Problems = []
        if self.flag is not None and self.flag in columns:
            yes = np.isin(np.array(texts(columns[self.flag])[0].to_pylist(), dtype=object), _YES)
            found.append((f"left out: its {self.flag} flag does not say yes", ~yes))
        if self.iso_column is not None:
            code = compute.fill_null(texts(columns[self.iso_column])[0], "")
            bad = np.zeros(len(code), dtype=bool)
            if self.iso_start:
                bad |= np.asarray(compute.less(code, self.iso_start).to_numpy(zero_copy_only=False), dtype=bool)
            if self.iso_end:
                bad |= np.asarray(compute.greater_equal(code, self.iso_end).to_numpy(zero_copy_only=False), dtype=bool)
            limits = [f"from {self.iso_start} on"] * bool(self.iso_start) + [f"before {self.iso_end}"] * bool(
                self.iso_end
            )
            found.append((f"left out: its country is not {', '.join(limits)}", bad))
        return found
