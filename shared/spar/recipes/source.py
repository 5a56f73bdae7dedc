"""Reads a recipe's YAML into plain data, remembering each key's line. Does not interpret keys.

A deliberate subset of YAML: no tags, no anchors, no duplicate keys; `true` and `false` are the only booleans, and 2e-4
is a number (in YAML 1.1 it is a text). Bounded, since the input is untrusted: in size first, then, by libyaml's events
before anything is built, in depth and number of values.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from spar.recipes.problems import Keys, Problem
from spar.texts import UNSTORABLE_NAMED, is_all_storable, is_storable, storable

Data = dict[str, Any]


@dataclass(slots=True)
class YamlSource:
    """A parsed YAML text: its data, the place of each key, and problems of its syntax."""

    data: Data = field(default_factory=dict)
    places: dict[Keys, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


LARGEST_TEXT = 256 * 1024
"""Characters of a recipe; the longest built-in one has some thousands."""
MOST_VALUES = 4000
DEEPEST = 32
"""Sections within sections; a recipe has five."""
LONGEST_NUMBER = 400
"""Digits; Python refuses to parse thousands of them."""

# libyaml's parser where PyYAML was built with it: the same YAML, some twenty times as fast.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """With our own scalar types."""


_Loader.yaml_implicit_resolvers = {}  # ours only, not those of YAML 1.1
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9][0-9_]*$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)


def read_source(path: Path, name: str) -> YamlSource:
    """Read a recipe file; `name` is its name in places."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(LARGEST_TEXT + 1)
    except UnicodeDecodeError as error:
        return _broken(name, f"is not UTF-8 text (byte {error.start})", "Save it as UTF-8.")
    except OSError as error:
        return _broken(name, f"cannot be read: {error.strerror}", "Check the path and its permissions.")
    return parse(text, name)


def parse(text: str, name: str) -> YamlSource:
    """Parses a YAML text, with the place of every key. Raises nothing: problems are listed, with line and fix."""
    source = YamlSource(places={(): name})
    if len(text) > LARGEST_TEXT:
        return _broken(name, *_TOO_LARGE)
    if not is_storable(text):
        return _broken(name, f"holds {UNSTORABLE_NAMED}", "Remove it, and save the recipe as UTF-8.")
    try:
        _check_bounds(text)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        return _broken(name, f"is not YAML: {_one_line(error)}", "Correct the line named here.")
    if root is None or root.tag.endswith(":null"):
        return _broken(name, "is empty", "Write a recipe; `spar recipe show demo --source` prints one to start from.")
    if not isinstance(root, yaml.MappingNode):
        return _broken(name, "holds no keys at its top level", "Write `key: value` lines there.")
    source.data = _mapping(root, (), name, source)
    return source


def parse_value(text: str) -> Any:
    """One value with YAML's type; a text that is not YAML stays a text."""
    if not is_storable(text):
        return text  # `unstorable` reports it
    try:
        _check_bounds(text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError:
        return text
    return None if node is None else _value(node, (), "", YamlSource())


def unstorable(data: Mapping[Any, Any]) -> list[Problem]:
    """A problem for each top-level section or value with a text that no database can store."""
    return [
        Problem(keys=(storable(str(key)),), what=f"holds {UNSTORABLE_NAMED}", fix="Delete that character.")
        for key, value in data.items()
        if not is_all_storable({key: value})
    ]


def too_many_values(data: Any) -> bool:
    """For JSON input: whether it has more values, or deeper ones, than a recipe may have."""
    level, number = [data], 0
    for _ in range(DEEPEST):
        level = [inner for value in level for inner in _inside(value)]
        number += len(level)
        if not level or number > MOST_VALUES:
            break
    return bool(level) or number > MOST_VALUES


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _check_bounds(text: str) -> None:
    """Raises YAMLError. Events are generated one by one, so excess input is rejected before it is built."""
    depth = values = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.events.AliasEvent):
            raise _refusal("an alias (*name) is not allowed here", event)
        depth += isinstance(event, yaml.events.CollectionStartEvent)
        depth -= isinstance(event, yaml.events.CollectionEndEvent)
        values += isinstance(event, yaml.events.NodeEvent)
        if depth > DEEPEST:
            raise _refusal(f"sections are nested deeper than {DEEPEST} levels", event)
        if values > 2 * MOST_VALUES:  # a key is one, too
            raise _refusal(f"it has more than {MOST_VALUES:,} values", event)


def _refusal(what: str, event: yaml.events.Event) -> yaml.MarkedYAMLError:
    mark: Any = event.start_mark  # libyaml's marks have a different type
    return yaml.MarkedYAMLError(problem=what, problem_mark=mark)


_TOO_LARGE = (
    f"is larger than {LARGEST_TEXT:,} characters",
    "A recipe names its data files instead of containing data. Put prompts into a separate file.",
)


def _broken(name: str, what: str, fix: str) -> YamlSource:
    return YamlSource(places={(): name}, problems=[Problem(keys=(), what=what, fix=fix)])


def _mapping(node: yaml.MappingNode, at: Keys, name: str, source: YamlSource) -> Data:
    data: Data = {}
    for key_node, value_node in node.value:
        keys = (*at, str(key_node.value))
        if keys[-1] in data:
            line = key_node.start_mark.line + 1
            source.problems.append(
                Problem(keys=keys, what=f"occurs twice (again in line {line})", fix="Delete one of the two.")
            )
            continue
        source.places[keys] = f"{name}:{key_node.start_mark.line + 1}"
        data[keys[-1]] = _value(value_node, keys, name, source)
    return data


def _value(node: yaml.Node, at: Keys, name: str, source: YamlSource) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, at, name, source)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, at, name, source) for item in node.value]
    return _scalar(str(node.value), node.tag.rpartition(":")[2])


def _scalar(text: str, kind: str) -> Any:
    if kind == "null":
        return None
    if kind == "bool":
        return text == "true"
    if kind in ("int", "float") and len(text) > LONGEST_NUMBER:
        return text
    if kind == "int":
        return int(text.replace("_", ""))
    return float(text) if kind == "float" else text


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}: " if mark is not None else ""
    return place + (getattr(error, "problem", None) or str(error)).replace("\n", " ")
