"""SQL that a caller sends: checked, and translated for DuckDB.

Nothing of a caller's text reaches DuckDB. The statement is parsed, every node of it must be of a kind that is
listed here, its table is replaced by the version's, its columns by the version's own names; what is run is
written anew from that tree.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from datapump.embedded.data_api.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TABLE = "data"
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it would log callers' statements

_PARTS = (
    exp.Select, exp.From, exp.Table, exp.TableAlias, exp.Identifier, exp.Column, exp.Star, exp.Alias, exp.Where,
    exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct, exp.Paren, exp.Tuple,
    exp.Literal, exp.Boolean, exp.Null, exp.Neg, exp.Not, exp.And, exp.Or, exp.EQ, exp.NEQ, exp.LT, exp.LTE,
    exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.Add,
    exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.DPipe, exp.Case, exp.If, exp.Cast, exp.DataType, exp.DataTypeParam,
    exp.Interval, exp.Var, exp.Window, exp.Filter,
)  # fmt: skip
_FUNCTIONS = (
    exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Round, exp.Floor, exp.Ceil, exp.Abs, exp.Sqrt, exp.Pow,
    exp.Exp, exp.Ln, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance, exp.VariancePop, exp.Coalesce,
    exp.Nullif, exp.Greatest, exp.Least, exp.Lower, exp.Upper, exp.Length, exp.Substring, exp.Trim, exp.Concat,
    exp.TimestampTrunc, exp.Extract, exp.RowNumber, exp.Rank, exp.DenseRank, exp.LogicalAnd, exp.LogicalOr,
)  # fmt: skip
_VALUE_FUNCTIONS = (
    exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentUser, exp.CurrentSchema, exp.CurrentRole,
    exp.CurrentCatalog, exp.SessionUser, exp.Localtime, exp.Localtimestamp,
)  # fmt: skip
_SELECT_ARGS = frozenset(
    {"expressions", "from_", "where", "group", "having", "order", "limit", "offset", "distinct", "with_", "joins"}
)
_ONLY_ARGS: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: _SELECT_ARGS,
    exp.Table: frozenset({"this", "db", "catalog", "alias"}),
    exp.TableAlias: frozenset({"this"}),
    exp.Star: frozenset(),
    exp.Group: frozenset({"expressions"}),
    exp.Limit: frozenset({"expression"}),
    exp.Cast: frozenset({"this", "to"}),
}
_UNITS = frozenset(
    {
        "CENTURY", "DAY", "DAYS", "DECADE", "DOW", "DOY", "EPOCH", "HOUR", "HOURS", "ISODOW", "ISOYEAR",
        "MICROSECONDS", "MILLENNIUM", "MILLISECONDS", "MINUTE", "MINUTES", "MONTH", "MONTHS", "QUARTER", "SECOND",
        "SECONDS", "WEEK", "WEEKS", "YEAR", "YEARS", "ALL",
    }
)  # fmt: skip
_MAX_CHARACTERS = 100_000
_CASTS = {
    exp.DType.INT: "int4",
    exp.DType.BIGINT: "int8",
    exp.DType.SMALLINT: "int2",
    exp.DType.DOUBLE: "float8",
    exp.DType.FLOAT: "float4",
    exp.DType.DECIMAL: "numeric",
    exp.DType.TEXT: "text",
    exp.DType.VARCHAR: "varchar",
    exp.DType.BOOLEAN: "bool",
    exp.DType.DATE: "date",
    exp.DType.TIMESTAMP: "timestamp",
    exp.DType.TIME: "time",
    exp.DType.UUID: "uuid",
}
_UNNAMED = "?column?"


@dataclass(frozen=True)
class Query:
    """A statement to run in DuckDB on the table `data`, and PostgreSQL's names of its result's columns."""

    sql: str
    names: list[str]


def translate(text: str, columns: Sequence[str], only_where: str | None = None) -> Query:
    """Check a caller's statement and write it anew for DuckDB.

    Args:
        text: One SELECT on one table, in PostgreSQL's SQL; the table's name does not matter.
        columns: The table's columns.
        only_where: A further condition on rows, our own SQL.

    Raises:
        ApiError: 400, with the service's words where they are known.
    """
    if len(text) > _MAX_CHARACTERS:
        raise _bad(f"the statement is longer than {_MAX_CHARACTERS} characters")
    try:
        select = _parsed(text)
        _check(select)
        names = _output_names(select, text, columns)
        _resolve(select, columns, names)
        if only_where is not None:
            select = select.where(only_where, dialect="duckdb")
        return Query(select.sql(dialect="duckdb", comments=False), names)
    except RecursionError:
        raise _bad("the statement is nested too deeply") from None


def _parsed(text: str) -> exp.Select:
    try:
        statements = [one for one in sqlglot.parse(text, read="postgres") if one is not None]
    except SqlglotError as error:
        found = getattr(error, "errors", None) or [{}]
        place = f" at line {found[0]['line']}, column {found[0]['col']}" if "line" in found[0] else ""
        raise _bad(f"syntax error{place}") from None
    if len(statements) != 1:
        raise ApiError(400, "Must use exactly one SQL statement.")
    statement = statements[0]
    if isinstance(statement, exp.SetOperation):
        raise ApiError(400, "Must list exactly one table in FROM clause.")
    if not isinstance(statement, exp.Select):
        raise ApiError(400, "Must use SELECT statements only.")
    return statement


def _check(select: exp.Select) -> None:
    """Refuse what is not one plain SELECT of listed parts and functions."""
    if select.args.get("with_"):
        raise ApiError(400, "Must not have WITH clause.")
    source = select.args.get("from_")
    if source is None or select.args.get("joins"):
        raise ApiError(400, "Must list exactly one table in FROM clause.")
    nested = [node for node in select.walk() if node is not select and isinstance(node, exp.Query | exp.Exists)]
    if nested:
        raise ApiError(400, "Must not use sub queries.")
    if not isinstance(source.this, exp.Table) or not isinstance(source.this.this, exp.Identifier):
        raise ApiError(400, "Must list exactly one table in FROM clause.")
    for node in select.walk():
        _check_node(node)


def _check_node(node: exp.Expr) -> None:
    name = node.name if isinstance(node, exp.Anonymous) else ""
    if name.lower().startswith(("pg_", "_", "postgis")) or name.lower() in ("current_setting", "set_config"):
        raise ApiError(400, "Use of admin, system or private functions is not allowed.")
    if isinstance(node, _VALUE_FUNCTIONS):
        raise ApiError(400, "Use of sql value functions is not allowed.")
    if type(node) not in _PARTS and type(node) not in _FUNCTIONS:
        what = f"function {name or node.key}" if isinstance(node, exp.Func) else f"{node.key} expression"
        raise _bad(f"the {what} is not available in the embedded Data API")
    allowed = _ONLY_ARGS.get(type(node))
    if allowed is not None:
        extra = [arg for arg, value in node.args.items() if value and arg not in allowed]
        if extra:
            raise _bad(f"{extra[0].strip('_')} in {node.key} is not available in the embedded Data API")
    if isinstance(node, exp.Var) and node.name.upper() not in _UNITS:
        raise _bad(f"{node.name} is not a unit of time")
    if isinstance(node, exp.DataType) and node.this not in _CASTS:
        raise _bad(f"type {node.sql(dialect='postgres').lower()} is not available in the embedded Data API")


def _output_names(select: exp.Select, text: str, columns: Sequence[str]) -> list[str]:
    """PostgreSQL's names of the result's columns. Stars become the columns they stand for, and aliases go."""
    expressions: list[exp.Expr] = []
    names: list[str] = []
    for node in select.expressions:
        if node.is_star and isinstance(node, exp.Star | exp.Column):
            _check_qualifier(select, node)
            expressions += [exp.column(exp.to_identifier(name, quoted=True)) for name in columns]
            names += columns
        else:
            names.append(_name(node, text))
            expressions.append(node.this if isinstance(node, exp.Alias) else node)
    select.set("expressions", expressions)
    return names


def _name(node: exp.Expr, text: str) -> str:
    """PostgreSQL's name for a column of a result."""
    inner: exp.Expr = node
    while isinstance(inner, exp.Paren | exp.Window | exp.Filter):
        inner = inner.this
    name = _UNNAMED
    if isinstance(inner, exp.Alias | exp.Column):
        name = _folded(inner.args.get("alias") or inner.this)
    elif isinstance(inner, exp.Cast):
        name = _name(inner.this, text)
        name = _CASTS[inner.to.this] if name == _UNNAMED else name
    elif isinstance(inner, exp.Case):
        name = _name(inner.args["default"], text) if inner.args.get("default") else _UNNAMED
        name = "case" if name == _UNNAMED else name
    elif isinstance(inner, exp.Trim):
        name = "btrim"
    elif isinstance(inner, _FUNCTIONS) and "start" in inner.meta:
        name = text[inner.meta["start"] : inner.meta["end"] + 1].lower()
    elif isinstance(inner, exp.Extract | exp.Interval | exp.Coalesce | exp.Substring):
        name = inner.key
    return name


def _resolve(select: exp.Select, columns: Sequence[str], names: list[str]) -> None:
    """Let every column name one of the table, and the table be ours. Names of the result become positions.

    `numeric` without a precision becomes a double: DuckDB's would keep three decimals.
    """
    for data_type in select.find_all(exp.DataType):
        if data_type.this == exp.DType.DECIMAL and not data_type.expressions:
            data_type.set("this", exp.DType.DOUBLE)
    for node in list(_columns_of(select)):
        _check_qualifier(select, node)
        name = _folded(node.this)
        if _may_name_result(node) and name in names and (name not in columns or isinstance(node.parent, exp.Ordered)):
            node.replace(exp.Literal.number(names.index(name) + 1))
        elif name in columns:
            node.replace(exp.column(exp.to_identifier(name, quoted=True)))
        else:
            raise _bad(f'column "{name}" does not exist')
    select.set("from_", exp.From(this=exp.to_table(TABLE)))


def _columns_of(select: exp.Select) -> Iterator[exp.Column]:
    return select.find_all(exp.Column)


def _may_name_result(node: exp.Column) -> bool:
    """Whether the column stands alone in ORDER BY or GROUP BY, where it may also name a column of the result."""
    if node.args.get("table"):
        return False
    parent = node.parent
    if isinstance(parent, exp.Ordered):
        return isinstance(parent.parent, exp.Order) and isinstance(parent.parent.parent, exp.Select)
    return isinstance(parent, exp.Group)


def _check_qualifier(select: exp.Select, node: exp.Expr) -> None:
    table = select.args["from_"].this
    known = _folded(table.args["alias"].this if table.args.get("alias") else table.this)
    if any(node.args.get(part) for part in ("db", "catalog")):
        raise _bad("cross-database references are not implemented")
    qualifier = node.args.get("table")
    if qualifier is not None and _folded(qualifier) != known:
        raise _bad(f'missing FROM-clause entry for table "{_folded(qualifier)}"')


def _folded(identifier: exp.Identifier) -> str:
    """A name as PostgreSQL reads it: in lower case unless it is quoted."""
    return str(identifier.this) if identifier.args.get("quoted") else str(identifier.this).lower()


def _bad(reason: str) -> ApiError:
    return ApiError(400, f"Bad request. {reason}")
