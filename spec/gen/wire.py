"""The model's part about bytes: the keys of an event, and what values are written as."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    name: str
    key: str
    doc: str


@dataclass(frozen=True)
class Wire:
    """The keys of an event in the order in which they are written."""

    module: str
    doc: str
    version: str
    categories: str  # the enum whose names are categories
    common: tuple[str, ...]
    scope: tuple[str, ...]
    mark: tuple[str, ...]
    profile: tuple[str, ...]
    annotations: tuple[str, ...]  # keys of objects inside the category profile
    notes: tuple[str, ...]  # keys of values of any kind there
    credential_headers: tuple[str, ...]
    metadata: tuple[Key, ...]


@dataclass(frozen=True)
class Encoding:
    value: str
    token: str
    note: str


@dataclass(frozen=True)
class Encodings:
    module: str
    doc: str
    markers: tuple[Key, ...]
    rows: tuple[Encoding, ...]
