"""ATOF 0.1: the lines of events, the metadata of ends, the status (S2.1 to S2.5)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .errors import Failure, error_type
from .payload import encode, quote, utf16_order
from .scopes import Scope

Members = dict[str, str]  # keys and the JSON texts of their values

WITH_PROFILE = ("tool", "llm")  # S2.1: their events always carry a `category_profile` object
OWN_PROFILE = {
    "subtype",
    "tool_call_id",
    "model_name",
}  # S3.12: they stay when the rest is withheld


@dataclass(frozen=True)
class Event:
    """An event as of its emission (S5.5): nothing in it can change any more."""

    kind: str
    line: str
    starts: str | None = None  # the scope that it opens
    follows: str | None = None  # the scope whose start it must not overtake


@dataclass(eq=False)
class Draft:
    """An event in the making (S3.12): what the user gave, what the runtime adds to it.

    All texts are JSON; `None` is what was not given, or is withheld.
    """

    kind: str
    parent_uuid: str
    uuid: str
    timestamp: int
    name: str
    category: str | None
    scope_category: str | None = None
    attributes: frozenset[str] = frozenset()
    data: str | None = None
    data_schema: str | None = None
    metadata: str | None = None
    end_metadata: str | None = None  # laid over the start's, which `metadata` is then (S2.5)
    profile: str | None = None
    facts: Members = field(default_factory=dict)  # the runtime's own keys of metadata
    injected: Members = field(default_factory=dict)
    told: set[str] = field(default_factory=set)  # what only an annotation says of the call
    replaced: dict[str, str | None] | None = None  # what an event sanitizer returned instead
    follows: str | None = None  # the scope that it ends, or whose end it comes after

    def data_text(self) -> str | None:
        return self.data if self.replaced is None else self.replaced["data"]

    def metadata_text(self) -> str | None:
        """The user's own keys win over the runtime's, and both over injected ones (S2.4, S3.12).

        A start and a mark show what the user gave as it is, if there is nothing to add.
        """
        if self.replaced is not None:
            return self.replaced["metadata"]
        members = {**self.injected, **self.facts}
        if self.scope_category != "end" and not members:
            return self.metadata
        if not members and self.metadata is None and self.end_metadata is None:
            return None
        members |= {**as_members(self.metadata), **as_members(self.end_metadata)}
        return in_order(members)

    def has_metadata(self, key: str) -> bool:
        """Whether the key is there already, so that an injector cannot set it (S3.12)."""
        given = (
            self.injected,
            self.facts,
            as_members(self.metadata),
            as_members(self.end_metadata),
        )
        return any(key in members for members in given)

    def profile_text(self) -> str | None:
        """Only some categories always have the object (S2.1)."""
        text = self.profile if self.replaced is None else self.replaced["category_profile"]
        return "{}" if text is None and self.category in WITH_PROFILE else text

    def annotate(self, key: str, value: Any, budget: int) -> None:
        """Adds an annotation to the profile, and what it says of the call and the caller did not
        (S2.8)."""
        members = {**as_members(self.profile), key: encode(value, budget)}
        if key != "tool_result_annotation":
            model = value.get("model")
            if isinstance(model, str) and model and "model_name" not in members:
                members["model_name"] = quote(model)
                self.told.add("model_name")
            if key == "annotated_request" and value.get("stream") is True:
                self.told.add("streaming")
        self.profile = in_order(members)

    def fields(self) -> dict[str, Any]:
        """What an event sanitizer gets to see and to change (S3.12)."""
        texts = {
            "data": self.data_text(),
            "metadata": self.metadata_text(),
            "category_profile": self.profile_text(),
        }
        return {key: None if text is None else json.loads(text) for key, text in texts.items()}

    def replace(self, fields: dict[str, Any], budget: int) -> None:
        """What a sanitizer returned takes the place of all; what is absent is null (S3.12)."""
        given = {key: fields.get(key) for key in ("data", "metadata", "category_profile")}
        self.replaced = {
            key: None if value is None else encode(value, budget) for key, value in given.items()
        }

    def withhold(self) -> None:
        """Of what is the user's nothing stays, nor of an error's text (S3.12; decisions.md, 27)."""
        given = as_members(self.profile) if self.kind == "scope" else {}  # A mark's is the user's.
        own = {key: text for key, text in given.items() if key in OWN_PROFILE - self.told}
        self.told.clear()
        self.data = self.metadata = self.end_metadata = None
        self.facts.pop("otel.status_description", None)
        self.injected, self.replaced = {}, None
        self.profile = in_order(own) if own else None

    def finished(self) -> Event:
        """The line, its keys in the order of S2.1."""
        line = {
            "kind": quote(self.kind),
            "atof_version": quote("0.1"),
            "parent_uuid": quote(self.parent_uuid),
            "uuid": quote(self.uuid),
            "timestamp": quote(rfc3339(self.timestamp)),
            "name": quote(self.name),
            "data": self.data_text() or "null",
            "data_schema": self.data_schema or "null",
            "metadata": self.metadata_text() or "null",
        }
        if self.scope_category is not None:
            labels = self.attributes | (self.told & {"streaming"})
            attributes = ",".join(quote(name) for name in sorted(labels))
            line["scope_category"] = quote(self.scope_category)
            line["attributes"] = f"[{attributes}]"
        line["category"] = "null" if self.category is None else quote(self.category)
        line["category_profile"] = self.profile_text() or "null"
        starts = self.uuid if self.scope_category == "start" else None
        return Event(self.kind, _object(line), starts, self.follows)


def scope_draft(scope: Scope, category: str, timestamp: int) -> Draft:
    """The start or the end of a scope, as far as the scope itself tells it (S2.1, S1.5)."""
    assert scope.parent is not None
    names = {key: getattr(scope, key) for key in OWN_PROFILE}
    profile = {key: quote(text) for key, text in names.items() if text}
    detached = scope.detached_from
    return Draft(
        kind="scope",
        parent_uuid=scope.parent.uuid,
        uuid=scope.uuid,
        timestamp=timestamp,
        name=scope.name,
        category=scope.type,
        scope_category=category,
        attributes=scope.attributes,
        profile=in_order(profile) if profile else None,
        facts={} if detached is None else {"scope.detached_from": quote(detached)},
    )


def success() -> Members:
    """The status of an end whose outcome the runtime saw and was good (S2.4)."""
    return {"otel.status_code": quote("OK")}


def failure(error: Failure | None = None, kind: str | None = None) -> Members:
    """The status of all but success: `error` as far as there is one, else its kind (S2.4).

    Its text is added where it has been sanitized (S3.6).
    """
    members = {"otel.status_code": quote("ERROR")}
    if error is not None:
        members["exception.type"] = quote(error.type_name)
        kind = kind or error_type(error)
    if kind is not None:
        members["error.type"] = quote(kind)
    return members


def refusal(reason: str | None, guardrail: str) -> dict[str, Any]:
    """The data of the mark that a refusal leaves; the reason may be withheld (S4.5, S3.6)."""
    return {"rejected": True, "rejection_reason": reason, "guardrail": guardrail}


def failed_step(
    step: str, registration: str | None, error: Failure, message: str | None
) -> dict[str, Any]:
    """The data of the mark that an error in a guard, codec or request intercept leaves (S4.5)."""
    described = {"type": error.type_name, "message": message}
    return {"failed": True, "step": step, "registration": registration, "error": described}


def rfc3339(nanoseconds: int) -> str:
    """UTC with nine fractional digits (S2.3)."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    return f"{moment.isoformat()}.{fraction:09d}Z"


def as_members(text: str | None) -> Members:
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


def in_order(members: Members) -> str:
    """The JSON text of members, sorted as RFC 8785 does."""
    return _object({key: members[key] for key in sorted(members, key=utf16_order)})


def _object(members: Members) -> str:
    return "{" + ",".join(f"{quote(key)}:{text}" for key, text in members.items()) + "}"
