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


_ACRONYMS = {"json": "JSON", "utf8": "UTF-8", "uuid": "UUID", "llm": "LLM"}


def words(name: str) -> str:
    """`already_exists` -> `already exists`, `invalid_json` -> `invalid JSON`."""
    return " ".join(_ACRONYMS.get(part, part) for part in name.split("_"))
