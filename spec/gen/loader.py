"""Reads YAML strictly, and remembers the line of every value for messages.

The rules are those of YAML 1.2 with everything ambiguous refused: keys are texts, booleans are
`true` and `false`, numbers are decimal integers, and there are no nulls, floats, tags or anchors.
A version such as 0.1 must therefore be quoted, and cannot turn into a number on the way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)$")
_NUMBER_LIKE = re.compile(r"[-+.]?[0-9][0-9_.:eExXoO+-]*[a-fA-F0-9]*$")
_BOOLEAN_LIKE = {"yes", "no", "on", "off", "y", "n", "true", "false"}
_NULL_LIKE = {"", "~", "null"}


class SpecError(Exception):
    """What is wrong with the spec; each line reads `file:line: message`."""


@dataclass(frozen=True)
class Document:
    """One YAML file: its data, and the line of every path in it."""

    path: Path
    data: dict
    lines: dict[tuple, int]

    def where(self, path: tuple) -> str:
        """`file:line` of a value; of the nearest enclosing one where the path does not exist."""
        path = tuple(path)
        while path not in self.lines:
            path = path[:-1]
        return f"{self.path.name}:{self.lines[path]}"


def load(path: Path) -> Document:
    """Reads one file. Raises SpecError for anything that two YAML readers could see differently."""
    text = path.read_text(encoding="utf-8")
    lines: dict[tuple, int] = {}
    try:
        events = list(yaml.parse(text, Loader=yaml.SafeLoader))
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise SpecError(f"{path.name}:{line}: {getattr(error, 'problem', None) or error}") from None
    for event in events:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise SpecError(f"{path.name}:{event.start_mark.line + 1}: anchors are not allowed")
        if getattr(event, "tag", None):
            raise SpecError(f"{path.name}:{event.start_mark.line + 1}: tags are not allowed")
    if not isinstance(root, yaml.MappingNode):
        raise SpecError(f"{path.name}:1: a module is a mapping")
    data = _construct(path, root, (), lines)
    return Document(path, data, lines)


def _construct(path: Path, node: yaml.Node, at: tuple, lines: dict[tuple, int]):
    lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return _scalar(path, node)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(path, item, (*at, i), lines) for i, item in enumerate(node.value)]
    result = {}
    for key_node, value_node in node.value:
        key = _key(path, key_node)
        if key in result:
            raise SpecError(f"{path.name}:{key_node.start_mark.line + 1}: duplicate key `{key}`")
        result[key] = _construct(path, value_node, (*at, key), lines)
        lines[(*at, key)] = key_node.start_mark.line + 1
    return result


def _key(path: Path, node: yaml.Node) -> str:
    where = f"{path.name}:{node.start_mark.line + 1}"
    if not isinstance(node, yaml.ScalarNode):
        raise SpecError(f"{where}: a key is a text")
    text = node.value
    if node.style is None and (
        text in {"true", "false"} or text in _NULL_LIKE or _NUMBER_LIKE.match(text)
    ):
        raise SpecError(f"{where}: a key is a text; quote `{text}`")
    return text


def _scalar(path: Path, node: yaml.ScalarNode):
    text = node.value
    if node.style is not None:
        return text
    where = f"{path.name}:{node.start_mark.line + 1}"
    if text == "true" or text == "false":
        return text == "true"
    if _INTEGER.match(text):
        return int(text)
    if text.lower() in _BOOLEAN_LIKE:
        raise SpecError(f"{where}: write true or false, or quote `{text}`")
    if text.lower() in _NULL_LIKE:
        raise SpecError(f"{where}: a value is missing; quote `{text}` if a text is meant")
    if _NUMBER_LIKE.match(text):
        raise SpecError(f"{where}: `{text}` is no decimal integer; quote it if a text is meant")
    return text
