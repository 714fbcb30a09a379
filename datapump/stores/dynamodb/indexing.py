"""Putting the rows of a config table that another program has filled into the lists.

It is done by itself before the first list, once for a table. It may be repeated at any time, and should be when another
program has added rows since: `python -m datapump.stores.dynamodb.indexing`.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, NamedTuple

from datapump.errors import DataError
from datapump.settings import get_settings
from datapump.stores.dynamodb.config_rows import entries, from_row
from datapump.stores.dynamodb.layout import key
from datapump.stores.dynamodb.tables import Tables

if TYPE_CHECKING:
    from datapump.settings import Settings

logger = logging.getLogger(__name__)
MARK = key("CONFIGS", "INDEXED")


class Indexed(NamedTuple):
    """What was found in a config table.

    Attributes:
        configs: How many configs are in the lists.
        broken: What is wrong with the rows that are no configs, in words.
    """

    configs: int
    broken: list[str]


def is_indexed(tables: Tables) -> bool:
    """Whether the rows of the config table have been put into the lists."""
    return tables.get(tables.runs, MARK) is not None


def index_rows(tables: Tables) -> Indexed:
    """Put every row into its lists; a row that is no config is left out, and told of.

    Stopped in the middle, it is done again from the start.
    """
    count = 0
    broken: list[str] = []
    for row in tables.scan(tables.configs):
        try:
            config = from_row(row, tables.configs)
        except DataError as error:
            logger.warning("left out of the lists: %s", error.message)
            broken.append(error.message)
            continue
        tables.put_all(tables.runs, entries(config))
        count += 1
    tables.put_all(tables.runs, [{**MARK, "table": tables.configs}])
    return Indexed(count, broken)


def main(settings: Settings) -> Indexed:
    """Index the tables that the settings name."""
    return index_rows(Tables.of(settings))


if __name__ == "__main__":
    json.dump(main(get_settings())._asdict(), sys.stdout, indent=2)
