"""Reads a recipe's YAML into plain data, remembering each key's line. Knows nothing of what the keys mean.

A narrow YAML on purpose: no tags, no anchors, no doubled keys; `true` and `false` are the only booleans, and
2e-4 is a number (in YAML 1.1 it is a text).
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from spar.recipes.problems import Keys, Problem

Data = dict[str, Any]


@dataclass(slots=True)
class Source:
    """What one YAML text says: its data, the place of each key, and what is wrong with its form."""

    data: Data = field(default_factory=dict)
    places: dict[Keys, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "an alias (*name) is not taken here", self.get_mark())
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


_Loader.yaml_implicit_resolvers = {}  # ours only, not those of YAML 1.1
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9][0-9_]*$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)


def read_source(path: Path, name: str) -> Source:
    """Read a recipe file; `name` is how places in it are written."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        return _broken(name, f"is not UTF-8 text (byte {error.start})", "Save it as UTF-8.")
    except OSError as error:
        return _broken(name, f"cannot be read: {error.strerror}", "Check the path and its permissions.")
    return parse(text, name)


def parse(text: str, name: str) -> Source:
    source = Source(places={(): name})
    try:
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
    """One value as YAML types it; a text that is no YAML stays a text."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError:
        return text
    return None if node is None else _value(node, (), "", Source())


def _broken(name: str, what: str, fix: str) -> Source:
    return Source(places={(): name}, problems=[Problem((), what, fix)])


def _mapping(node: yaml.MappingNode, at: Keys, name: str, source: Source) -> Data:
    data: Data = {}
    for key_node, value_node in node.value:
        keys = (*at, str(key_node.value))
        if keys[-1] in data:
            line = key_node.start_mark.line + 1
            source.problems.append(Problem(keys, f"is there twice (again in line {line})", "Delete one of the two."))
            continue
        source.places[keys] = f"{name}:{key_node.start_mark.line + 1}"
        data[keys[-1]] = _value(value_node, keys, name, source)
    return data


def _value(node: yaml.Node, at: Keys, name: str, source: Source) -> Any:
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
    if kind == "int":
        return int(text.replace("_", ""))
    return float(text) if kind == "float" else text


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}: " if mark is not None else ""
    return place + (getattr(error, "problem", None) or str(error)).replace("\n", " ")
