"""spec/atof.schema.json: JSON Schema of ATOF events, ours and those of the peers (S2.1, S2.9).

It asks for every key of S2.1 and for values that a reader can use (S2.3): another tool may write
its times with an offset, add keys, or name a category of its own. What this runtime writes is more
exact than that, to the byte, and the vectors hold it there.
"""

from __future__ import annotations

import json
from typing import Any

from spec.gen.model import Api, Wire
from spec.gen.render import Output

_UUID = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
_DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]{1,9})?"
_OFFSET = "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_TIMESTAMP = f"^{_DATE}[Tt ]{_TIME}{_OFFSET}$"


def outputs(api: Api) -> list[Output]:
    if api.wire is None:
        return []
    text = json.dumps(_schema(api, api.wire), indent=2, ensure_ascii=False)
    members = text.removeprefix("{\n")
    path = "spec/atof.schema.json"
    return [Output(path, "atof.schema.json.j2", {"members": members})]


def _schema(api: Api, wire: Wire) -> dict[str, Any]:
    categories = [value.name for value in api.enum(wire.categories).values]
    sides = [value.name for value in api.enum("scope_category").values if value.value != 0]
    properties = {
        "kind": {},
        "atof_version": {"const": wire.version},
        "parent_uuid": {"type": ["string", "null"], "pattern": _UUID},
        "uuid": {"type": "string", "pattern": _UUID},
        "timestamp": {
            "description": "RFC 3339, or whole microseconds since 1970-01-01 UTC.",
            "type": ["string", "integer"],
            "pattern": _TIMESTAMP,
        },
        "name": {"type": "string"},
        "data": {},
        "data_schema": {"type": ["object", "null"]},
        "metadata": {},
        "scope_category": {"enum": sides},
        "attributes": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "category": {"type": "string", "examples": categories},
        "category_profile": {
            "type": ["object", "null"],
            "properties": {key: {"type": "string"} for key in wire.profile}
            | {key: {"type": "object"} for key in wire.annotations}
            | {key: {} for key in wire.notes},
        },
    }
    optional_category = {"category": {"type": ["string", "null"], "examples": categories}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"ATOF {wire.version} event",
        "description": "One line of an event file.",
        "oneOf": [
            _event("scope", wire.common + wire.scope, properties),
            _event("mark", wire.common + wire.mark, properties | optional_category),
        ],
    }


def _event(kind: str, keys: tuple[str, ...], properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key: properties[key] for key in keys} | {"kind": {"const": kind}},
        "required": list(keys),
    }
