"""ATOF 0.1: the lines of events, the metadata of ends, the status (S2.1 to S2.5)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .errors import Failure, error_type
from .payload import quote, utf16_order
from .scopes import Scope

Members = dict[str, str]  # keys and the JSON texts of their values

WITH_PROFILE = ("tool", "llm")  # S2.1: their events always carry a `category_profile` object


@dataclass(frozen=True)
class Event:
    """An event as of its emission (S5.5): nothing in it can change any more."""

    kind: str
    line: str


def scope_event(
    scope: Scope, category: str, timestamp: int, data: str | None, metadata: str | None
) -> Event:
    """The start or the end of a scope (S2.1)."""
    attributes = ",".join(quote(name) for name in sorted(scope.attributes))
    assert scope.parent is not None
    line = {
        **_common("scope", scope.parent.uuid, scope.uuid, timestamp, scope.name, data, metadata),
        "scope_category": quote(category),
        "attributes": f"[{attributes}]",
        "category": quote(scope.type),
        "category_profile": _profile(scope),
    }
    return Event("scope", _object(line))


def mark_event(
    parent: Scope,
    uuid: str,
    timestamp: int,
    name: str,
    data: str | None,
    metadata: str | None,
    category: str | None = None,
) -> Event:
    """Something that happened under a scope (S2.1)."""
    line = {
        **_common("mark", parent.uuid, uuid, timestamp, name, data, metadata),
        "category": "null" if category is None else quote(category),
        "category_profile": "{}" if category in WITH_PROFILE else "null",
    }
    return Event("mark", _object(line))


def start_metadata(scope: Scope, own: str | None) -> str | None:
    """The user's metadata as it is, with what the runtime has to add (S1.5)."""
    if scope.detached_from is None:
        return own
    return _object({**_detached(scope), **_as_object(own)}, in_order=True)


def end_metadata(
    scope: Scope, of_start: str | None, of_end: str | None, facts: Members
) -> str | None:
    """The start's, with the end's laid over it; the user's own keys win (S2.4, S2.5)."""
    if of_start is None and of_end is None and not facts and scope.detached_from is None:
        return None
    members = {**facts, **_detached(scope), **_as_object(of_start), **_as_object(of_end)}
    return _object(members, in_order=True)


def success() -> Members:
    """The status of an end whose outcome the runtime saw and was good (S2.4)."""
    return {"otel.status_code": quote("OK")}


def failure(error: Failure | None = None, kind: str | None = None) -> Members:
    """The status of all but success: `error` as far as there is one, else its kind (S2.4)."""
    members = {"otel.status_code": quote("ERROR")}
    if error is not None:
        members["otel.status_description"] = quote(str(error))
        members["exception.type"] = quote(error.type_name)
        kind = kind or error_type(error)
    if kind is not None:
        members["error.type"] = quote(kind)
    return members


def refusal(reason: str, guardrail: str) -> dict[str, Any]:
    """The data of the mark that a refusal leaves (S4.5)."""
    return {"rejected": True, "rejection_reason": reason, "guardrail": guardrail}


def failed_step(step: str, registration: str, error: Failure) -> dict[str, Any]:
    """The data of the mark that an error in a guard, codec or request intercept leaves (S4.5)."""
    described = {"type": error.type_name, "message": str(error)}
    return {"failed": True, "step": step, "registration": registration, "error": described}


def rfc3339(nanoseconds: int) -> str:
    """UTC with nine fractional digits (S2.3)."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    return f"{moment.isoformat()}.{fraction:09d}Z"


def _common(
    kind: str,
    parent_uuid: str,
    uuid: str,
    timestamp: int,
    name: str,
    data: str | None,
    metadata: str | None,
) -> Members:
    return {
        "kind": quote(kind),
        "atof_version": quote("0.1"),
        "parent_uuid": quote(parent_uuid),
        "uuid": quote(uuid),
        "timestamp": quote(rfc3339(timestamp)),
        "name": quote(name),
        "data": data or "null",
        "data_schema": "null",
        "metadata": metadata or "null",
    }


def _profile(scope: Scope) -> str:
    """Absent keys are left out; only some categories always have the object (S1.1, S2.1)."""
    members = {"subtype": scope.subtype, "tool_call_id": scope.tool_call_id}
    present = {key: quote(text) for key, text in members.items() if text}
    return _object(present) if present or scope.type in WITH_PROFILE else "null"


def _detached(scope: Scope) -> Members:
    if scope.detached_from is None:
        return {}
    return {"scope.detached_from": quote(scope.detached_from)}


def _as_object(text: str | None) -> Members:
    """The members of metadata; what is no object is kept under `value` (S2.5)."""
    if text is None:
        return {}
    if not text.startswith("{"):
        return {"value": text}
    members: Members = {}
    decoder = json.JSONDecoder()
    at = 1
    while text[at] != "}":
        at += text[at] == ","
        key, colon = decoder.raw_decode(text, at)
        _, end = decoder.raw_decode(text, colon + 1)
        members[key] = text[colon + 1 : end]
        at = end
    return members


def _object(members: Members, in_order: bool = False) -> str:
    """JSON text of members; `in_order` sorts their keys as RFC 8785 does."""
    keys = sorted(members, key=utf16_order) if in_order else list(members)
    return "{" + ",".join(f"{quote(key)}:{members[key]}" for key in keys) + "}"
