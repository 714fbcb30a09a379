"""How the two tables are laid out: the keys of every kind of item.

The run table holds, under `pk` and `sk`:

| pk | sk | |
| --- | --- | --- |
| `EXECUTION#id` | `EXECUTION` | the execution: status, version, document |
| | `COMMAND#0000` | parts of a command that is too large for one item |
| | `COUNTER` | how many numbers of events were given out |
| | `EVENT#00000001` | an event |
| | `JOB#dispatch#job id` | a job: status, revision, document |
| | `LIST#name` | puts the execution into a list |
| | `FORGOTTEN` | that it is not going to be stored: what it has noted counts for nothing |
| `JOB#id` | `execution id` | says which executions hold a job of that id |
| `CONFIG#id` | `RUN#execution id#job id` | a job of that sync config, and its status |
| | `CHANGE#00000002` | what a caller changed in it |
| | `SWITCH` | how it was switched last |
| | `LIST#name` | puts the config into a list |
| `IDEMPOTENCY#caller#key` | `IDEMPOTENCY` | the execution that the key made |
| | `BACKFILL` | the backfill that the key made |
| `BACKFILL#id` | `BACKFILL` | a backfill: revision, document; listed by its making |
| | `LIST#status` | puts it into the list of its status |
| `EFFECT#key` | `EFFECT` | an effect: intended, or done with its outcome |
| `TARGET#target` | `TARGET` | which executions are going to write the target |
| `LEASE#target` | `LEASE` | who may write the target |
| `KEYS` | `digest` | a caller's key |
| `AUDIT` | `time#id` | an audit record |
| `CONFIGS` | `INDEXED` | that the rows of the config table have been put into lists |

Its one index, `lists` (`list`, `listed`), holds the items that have these two attributes: whatever is listed is found
by a query of exactly its items, in order. The lists of configs are named by their filters, so that each combination of
filters is a list of its own; those of executions have one filter each, and are gone through together.

The config table is the one that there was before: key `id`, one item a config, with the config's fields as attributes
and nothing else that it would need. It has no index: `sync` is a boolean, which cannot be a key; a combination of
filters would need an index each; and rows that another program writes would drop out of an index over attributes of
ours. So the lists of configs, their histories and their runs are in the run table.
"""

from __future__ import annotations

from typing import Any

LISTS = "lists"
Item = dict[str, Any]
Key = dict[str, str]


def run_definition(name: str) -> dict[str, Any]:
    """What creates the run table, as `create_table` takes it."""
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": "S"} for attribute in ("pk", "sk", "list", "listed")
        ],
        "KeySchema": _keys("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": LISTS,
                "KeySchema": _keys("list", "listed"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["dispatch"]},
            }
        ],
    }


def config_definition(name: str) -> dict[str, Any]:
    """What creates the config table, as `create_table` takes it."""
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": _keys("id"),
    }


def key(pk: str, sk: str) -> Key:
    """The key of an item of the run table."""
    return {"pk": pk, "sk": sk}


def execution_pk(execution_id: str) -> str:
    """What an execution's items share."""
    return f"EXECUTION#{execution_id}"


def execution_key(execution_id: str) -> Key:
    """The execution itself."""
    return key(execution_pk(execution_id), "EXECUTION")


def job_key(execution_id: str, dispatch: str, job_id: str) -> Key:
    """A job; `dispatch` names the attempt to dispatch that stored it."""
    return key(execution_pk(execution_id), f"JOB#{dispatch}#{job_id}")


def event_key(execution_id: str, seq: int) -> Key:
    """An event."""
    return key(execution_pk(execution_id), f"EVENT#{seq:08d}")


def config_pk(config_id: str) -> str:
    """What the items about a sync config share."""
    return f"CONFIG#{config_id}"


def run_key(config_id: str, execution_id: str, job_id: str) -> Key:
    """A job of a sync config."""
    return key(config_pk(config_id), f"RUN#{execution_id}#{job_id}")


def _keys(*names: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(names, ("HASH", "RANGE")[: len(names)], strict=True)
    ]
