"""Doubles as Java writes them, which is how the published tables hold them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

if TYPE_CHECKING:
    from datapump.engines.local.grouping import FloatArray

_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e7


def double_text(value: float) -> str:
    """The shortest digits that tell a double, in exponent form below 0.001 and from ten million."""
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_TO:
        return repr(value)
    digits = np.format_float_scientific(value, unique=True, trim="0", exp_digits=1)
    return digits.replace("e+", "E").replace("e", "E")


def double_texts(values: FloatArray) -> Any:  # noqa: ANN401 - pyarrow has no types
    """An arrow array of finite doubles as text, shape (n,)."""
    if not len(values):
        return pa.array([], pa.string())
    # Between these limits arrow's shortest digits are Java's, but for the ".0" of whole numbers.
    texts, size = compute.cast(pa.array(values), pa.string()), np.abs(values)
    whole = values == np.trunc(values)
    if whole.any():
        texts = compute.if_else(pa.array(whole), compute.binary_join_element_wise(texts, ".0", ""), texts)
    beyond = ((size < _PLAIN_FROM) & (size > 0)) | (size >= _PLAIN_TO)
    if beyond.any():
        others = pa.array([double_text(value) for value in values[beyond].tolist()], pa.string())
        texts = compute.replace_with_mask(texts, pa.array(beyond), others)
    return texts


def rounded(values: FloatArray, places: int) -> FloatArray:
    """Doubles rounded half up, judged by their shortest digits as Spark does."""
    unit = Decimal(1).scaleb(-places)
    return np.array([float(Decimal(repr(value)).quantize(unit, ROUND_HALF_UP)) for value in values.tolist()])
