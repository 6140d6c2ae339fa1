"""spec/atof.schema.json: JSON Schema of the events that scopeflow writes (S2.1, S2.9).

It is for what this runtime writes. A reader of the peers' files is more lenient (S2.3).
"""

from __future__ import annotations

import json
from typing import Any

from spec.gen.model import Api, Wire
from spec.gen.render import Output

_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_TIMESTAMP = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{9}Z$"


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
    labels = sorted({bit.name for flags in api.flags if flags.wire for bit in flags.bits})
    properties = {
        "kind": {},
        "atof_version": {"const": wire.version},
        "parent_uuid": {"type": "string", "pattern": _UUID},
        "uuid": {"type": "string", "pattern": _UUID},
        "timestamp": {"type": "string", "pattern": _TIMESTAMP},
        "name": {"type": "string"},
        "data": {},
        "data_schema": {"type": ["object", "null"]},
        "metadata": {},
        "scope_category": {"enum": sides},
        "attributes": {"type": "array", "items": {"enum": labels}, "uniqueItems": True},
        "category": {"enum": categories},
        "category_profile": {
            "type": ["object", "null"],
            "properties": {key: {"type": "string"} for key in wire.profile}
            | {key: {"type": "object"} for key in wire.annotations},
            "additionalProperties": False,
        },
    }
    optional_category = {"category": {"enum": [*categories, None]}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"ATOF {wire.version} event",
        "description": "One line of an event file that scopeflow writes.",
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
        "additionalProperties": False,
    }
