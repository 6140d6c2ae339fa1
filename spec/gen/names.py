"""The spelling rules of names, the same in every target. The spec writes snake_case."""

from __future__ import annotations


def upper(name: str) -> str:
    """`scope_push` -> `SCOPE_PUSH`."""
    return name.upper()


def pascal(name: str) -> str:
    """`scope_push` -> `ScopePush`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def camel(name: str) -> str:
    """`scope_push` -> `scopePush`."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def words(name: str) -> str:
    """`already_exists` -> `already exists`."""
    return name.replace("_", " ")
