"""Formulas of pixel values, as text: what may stand in one, checked without computing anything.

A formula is the `calc` of the Data API: one numpy expression over the bands of its sources, `A`, `B`, `C`... in their
order. The service runs it as Python; here only what is listed below is let through, whoever wrote it.
"""

from __future__ import annotations

import ast
from string import ascii_uppercase

from datapump.errors import DataError

MAX_CHARACTERS = 20_000
MAX_PARTS = 5_000
MAX_DEPTH = 100
MAX_NUMBER = 2**63

TYPES = frozenset(
    {
        "bool_", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32",
        "float64",
    }
)  # fmt: skip
CONSTANTS = frozenset({"nan", "inf", "pi", "e"})
FUNCTIONS = TYPES | {
    "abs", "absolute", "add", "around", "bitwise_and", "bitwise_or", "bitwise_xor", "ceil", "clip", "divide", "equal",
    "exp", "floor", "floor_divide", "fmax", "fmin", "full_like", "greater", "greater_equal", "invert", "isfinite",
    "isin", "isnan", "less", "less_equal", "log", "log10", "log2", "logical_and", "logical_not", "logical_or",
    "logical_xor", "maximum", "minimum", "mod", "multiply", "negative", "not_equal", "ones_like", "power", "remainder",
    "right_shift", "rint", "round", "select", "sign", "sqrt", "square", "subtract", "true_divide", "trunc", "where",
    "zeros_like",
}  # fmt: skip
REDUCIBLE = frozenset({"add", "bitwise_and", "bitwise_or", "logical_and", "logical_or", "maximum", "minimum"})
MASKED = frozenset({"array", "filled", "masked_array"})
METHODS = frozenset({"astype", "filled"})
KEYWORDS = frozenset({"axis", "dtype", "mask"})
# A power or a shift of numbers would fill the memory; of bands, np.power and np.right_shift do the same.
OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitAnd, ast.BitOr, ast.BitXor, ast.RShift,
    ast.USub, ast.UAdd, ast.Invert, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE,
)  # fmt: skip


def band_name(index: int) -> str:
    """The name of a band by its place, from 0: A to Z, then AA, AB..."""
    letters = ""
    while index >= 0:
        index, letter = divmod(index, len(ascii_uppercase))
        letters = ascii_uppercase[letter] + letters
        index -= 1
    return letters


def parse(expression: str) -> ast.expr:
    """The formula as a tree that holds only what is listed here.

    Raises:
        DataError: It is no expression, or holds something else; the message says what and where.
    """
    if len(expression) > MAX_CHARACTERS:
        raise DataError(f"the formula is too long: {len(expression)} characters, at most {MAX_CHARACTERS}")
    if set(expression) & set("'\"\\"):
        raise DataError("the formula may not hold quotes or backslashes: it has no texts")
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DataError(f"the formula is not an expression: {error}") from None
    _measure(tree)
    _check(tree)
    return tree


def bands_of(expression: str) -> frozenset[str]:
    """The names of the bands that a formula reads.

    Raises:
        DataError: It is not a formula.
    """
    return frozenset(node.id for node in ast.walk(parse(expression)) if isinstance(node, ast.Name) and node.id != "np")


def function_name(node: ast.expr) -> str | None:
    """`where` of `np.where`, `ma.array` of `np.ma.array`, `maximum.reduce` of `np.maximum.reduce`; else None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id == "np" and parts:
        return ".".join(reversed(parts))
    return None


def _measure(tree: ast.expr) -> None:
    """A tree that is too large would exhaust the stack before it is understood."""
    level: list[ast.AST] = [tree]
    parts = depth = 0
    while level:
        parts += len(level)
        depth += 1
        if parts > MAX_PARTS or depth > MAX_DEPTH:
            raise DataError(f"the formula is too large: at most {MAX_PARTS} parts, nested at most {MAX_DEPTH} deep")
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def _check(node: ast.expr) -> None:
    match node:
        case ast.Name(id=name):
            if not (name.isascii() and name.isalpha() and name.isupper() and len(name) <= len("ZZ")):
                raise _refused(node, "bands are named A, B, C... and functions np.where, np.minimum...")
        case ast.Constant(value=bool() | int() | float() as value):
            if abs(value) > MAX_NUMBER:
                raise _refused(node, "the number is too large")
        case ast.Call():
            _check_call(node)
        case ast.Attribute(value=value, attr="data") if function_name(node) is None:
            _check(value)
        case ast.Attribute() if function_name(node) in CONSTANTS:
            return
        case _:
            for operand in _operands(node):
                _check(operand)


def _operands(node: ast.expr) -> tuple[ast.expr, ...]:
    """What an operator joins."""
    match node:
        case ast.UnaryOp(op=op, operand=operand) if isinstance(op, OPERATORS):
            return (operand,)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, OPERATORS):
            return left, right
        case ast.Compare(left=left, ops=[op], comparators=[right]) if isinstance(op, OPERATORS):
            return left, right
        case ast.Compare(comparators=[_, _, *_]):
            raise _refused(node, "write one comparison at a time: (A > 0) & (A < 5)")
        case ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            raise _refused(node, "bands are joined by & and |, and negated by ~")
    raise _refused(node, "it is not one of the operators and functions that a formula may hold")


def _check_call(node: ast.Call) -> None:
    name = function_name(node.func)
    if name is None:
        if not (isinstance(node.func, ast.Attribute) and node.func.attr in METHODS):
            raise _refused(node, "only listed functions of np can be called")
        _check(node.func.value)
        if node.func.attr == "astype":
            _check_type(node)
            return
    elif not _known(name):
        raise _refused(node, f"np.{name} is not one of the functions that a formula may call")
    for argument in node.args:
        _check_argument(argument)
    for keyword in node.keywords:
        if keyword.arg not in KEYWORDS:
            raise _refused(node, f"the only keywords are {', '.join(sorted(KEYWORDS))}")
        if keyword.arg == "dtype":
            _check_type_name(keyword.value)
        else:
            _check_argument(keyword.value)


def _known(name: str) -> bool:
    head, _, tail = name.rpartition(".")
    if head == "ma":
        return tail in MASKED
    return (tail == "reduce" and head in REDUCIBLE) if head else name in FUNCTIONS


def _check_argument(node: ast.expr) -> None:
    """Lists stand for stacks of bands, and nowhere but here: a list times a number would fill the memory."""
    if isinstance(node, ast.List | ast.Tuple):
        for item in node.elts:
            _check(item)
    else:
        _check(node)


def _check_type(node: ast.Call) -> None:
    if len(node.args) != 1 or node.keywords:
        raise _refused(node, "astype takes one type")
    _check_type_name(node.args[0])


def _check_type_name(node: ast.expr) -> None:
    if function_name(node) not in TYPES:
        raise _refused(node, f"a type is one of np.{', np.'.join(sorted(TYPES))}")


def _refused(node: ast.expr, why: str) -> DataError:
    return DataError(f"the formula may not hold {ast.unparse(node)[:100]!r} at character {node.col_offset + 1}: {why}")
