"""The last border before a table: what PostgreSQL does not take as a text is replaced in whatever a statement carries.

Texts from outside are cleaned where they come in; this is for the one that was forgotten. SQLite takes them all, so
both do it: a run that ends on the one must end on the other.
"""

import json
from typing import Any

from sqlalchemy import Engine, event

from spar.texts import is_storable, storable, storable_all


def dump_json(value: Any) -> str:
    """For `create_engine(json_serializer=...)`."""
    return json.dumps(storable_all(value))


def clean_parameters(engine: Engine) -> None:
    event.listen(engine, "before_cursor_execute", _cleaned, retval=True)


def _cleaned(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> tuple[str, Any]:
    # An INSERT of many rows in one statement counts as many, and comes with all of its values in one row.
    if executemany and isinstance(parameters, list):
        return statement, [_row(each) for each in parameters]
    return statement, _row(parameters)


def _row(parameters: Any) -> Any:
    values = parameters.values() if isinstance(parameters, dict) else parameters
    if all(not isinstance(value, str) or is_storable(value) for value in values):
        return parameters
    if isinstance(parameters, dict):
        return {name: _value(value) for name, value in parameters.items()}
    return tuple(_value(value) for value in parameters)


def _value(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value
