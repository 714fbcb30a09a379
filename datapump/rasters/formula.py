"""Formulas of pixel values, computed: as the Data API computes its `calc`, but without running what it is given.

The operators and functions are numpy's own, on the bands' own types: what would wrap round there wraps round here.
Bands may be masked; as in the service, `np.where` forgets masks, and most else hands them on.
"""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from datapump.errors import DataError
from datapump.rasters.expressions import CONSTANTS, function_name, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import DTypeLike, NDArray

# The Data API's names of types that numpy does not know under these names.
_TYPES = {"boolean": "uint8", "half": "float16", "single": "float32", "double": "float64"}
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.RShift: operator.rshift,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def evaluate(expression: str, bands: Mapping[str, NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    """The values of a formula over bands.

    Args:
        expression: A numpy expression over the bands' names; what it may hold is listed in `expressions`.
        bands: By name, `A`, `B`, `C`... in the order of the sources; all of one shape (rows, columns), plain or masked.
            They are not changed.
        dtype: Type of the result: numpy's, or the Data API's name of it (`uint16`, `half`, `boolean`...).

    Returns:
        An array of the bands' shape, or of (count, rows, columns) where the formula stacks so many; masked where the
        formula's own result is.

    Raises:
        DataError: The formula holds something that it may not, reads a band that is not there, cannot be computed, or
            gives a value that the type cannot hold.
    """
    shapes = {band.shape for band in bands.values()}
    if len(shapes) != 1:
        raise DataError(f"the bands of a formula must be of one shape: {sorted(shapes)}")
    shape = shapes.pop()
    tree = parse(expression)
    try:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            value = _value(tree, bands)
            if np.ndim(value) == 0:
                value = np.full(shape, value)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise DataError(f"the formula cannot be computed: {error}: {_short(expression)}") from None
    if value.shape[-len(shape) :] != shape or value.ndim > len(shape) + 1:
        raise DataError(f"the formula gives shape {value.shape} from bands of shape {shape}: {_short(expression)}")
    return _converted(value, np.dtype(_TYPES.get(str(dtype), dtype)), expression)


def _converted(value: NDArray[Any], dtype: np.dtype[Any], expression: str) -> NDArray[Any]:
    """The service converts without a look, and a value too large comes out as another one: here that is an error."""
    if np.issubdtype(dtype, np.integer) and value.size:
        kept = np.ma.compressed(value) if np.ma.isMaskedArray(value) else value
        if not np.all(np.isfinite(kept)):
            raise DataError(f"the formula gives values that are no numbers, which {dtype} cannot hold")
        limits = np.iinfo(dtype)
        least, most = (int(kept.min()), int(kept.max())) if kept.size else (0, 0)
        if least < limits.min or most > limits.max:
            raise DataError(
                f"the formula gives values from {least} to {most}, which {dtype} cannot hold: {_short(expression)}"
            )
    return value.astype(dtype)


def _short(expression: str) -> str:
    text = " ".join(expression.split())
    return text if len(text) <= 200 else text[:200] + "..."  # noqa: PLR2004 - as much as a message bears


def _value(node: ast.expr, bands: Mapping[str, NDArray[Any]]) -> Any:  # noqa: ANN401 - arrays and numbers
    match node:
        case ast.Name(id=name):
            if name not in bands:
                raise DataError(f"the formula reads band {name}, but there are only {', '.join(bands)}")
            return bands[name]
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATORS[type(op)](_value(operand, bands))
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            return _OPERATORS[type(op)](_value(left, bands), _value(right, bands))
        case ast.Call():
            return _called(node, bands)
        case ast.Attribute(value=inner):
            constant = function_name(node)
            return getattr(np, constant) if constant in CONSTANTS else np.ma.getdata(_value(inner, bands))
    raise DataError(f"the formula may not hold {ast.unparse(node)!r}")


def _called(node: ast.Call, bands: Mapping[str, NDArray[Any]]) -> Any:  # noqa: ANN401 - arrays and numbers
    name = function_name(node.func)
    if name is None:
        method = cast("ast.Attribute", node.func)
        inner = np.asanyarray(_value(method.value, bands))
        if method.attr == "astype":
            return inner.astype(_type(node.args[0]))
        return np.ma.filled(inner, *(_argument(one, bands) for one in node.args))
    function: Any = np
    for part in name.split("."):
        function = getattr(function, part)
    keywords = {
        str(one.arg): _type(one.value) if one.arg == "dtype" else _argument(one.value, bands) for one in node.keywords
    }
    return function(*(_argument(one, bands) for one in node.args), **keywords)


def _argument(node: ast.expr, bands: Mapping[str, NDArray[Any]]) -> Any:  # noqa: ANN401 - arrays, numbers, lists
    return (
        [_value(item, bands) for item in node.elts] if isinstance(node, ast.List | ast.Tuple) else _value(node, bands)
    )


def _type(node: ast.expr) -> Any:  # noqa: ANN401 - a numpy type
    return getattr(np, str(function_name(node)))
