"""What several files of this target need."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi
from spec.gen.model import Argument
from spec.gen.names import camel, pascal


@dataclass(frozen=True)
class Member:
    doc: str
    name: str
    value: str


def flags_name(name: str) -> str:
    """`scope_attribute` -> `ScopeAttributes`, as the peer calls them."""
    return pascal(name) + "s"


def ts_name(argument: Argument) -> str:
    return camel(cabi.member_name(argument))
