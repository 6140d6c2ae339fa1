"""Node: the TypeScript that stands on the flat interface, the addon, and the tests' dispatch."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi, flat
from spec.gen.model import Api, Constant, Struct, Value
from spec.gen.names import camel, pascal
from spec.gen.render import Output
from spec.gen.typescript import fit

from . import addon, forms
from .callables import callables
from .dispatch import dispatch_context
from .operations import functions_context, operations_context
from .shared import Member, flags_name

# Type and doc of each member of an event.
_EVENT_MEMBERS = {
    "kind": ('"scope" | "mark"', "Whether a scope or call starts or ends, or something happened."),
    "atof_version": ("string", 'The version of the format: "0.1".'),
    "parent_uuid": ("string | null", "The id of what it is under; null for nothing."),
    "uuid": ("string", "The id: of a scope or call the same at both ends."),
    "timestamp": ("string", "When it happened: RFC 3339 in UTC, with nine fractional digits."),
    "name": ("string", "What the scope, call or mark is called."),
    "data": ("unknown", "Input at a start, output at an end; null where none was given."),
    "data_schema": ("unknown", "Of a mark: the schema that its data follows; null for none."),
    "metadata": (
        "Record<string, unknown> | null",
        "What else is known of it, `otel.status_code` of an end among it; null for nothing.",
    ),
    "scope_category": ('"start" | "end" | undefined', "Start or end; undefined for a mark."),
    "attributes": ("string[] | undefined", "Names of the flags; undefined for a mark."),
    "category": ("string | null", "The kind of work, such as `tool`; null for a mark without one."),
    "category_profile": (
        "Record<string, unknown> | null",
        "What belongs to the category: subtype, id of a tool call, model, annotations.",
    ),
}

LANGUAGE = "node"  # what `not_yet` calls it


@dataclass(frozen=True)
class Group:
    """An enum or a set of flags."""

    doc: str
    name: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class CoreFunction:
    doc: str
    signature: str


@dataclass(frozen=True)
class StructReader:
    doc: str
    name: str
    constants: tuple[tuple[str, int], ...]
    fields: tuple[Member, ...]  # doc, name, type
    reads: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EventKey:
    name: str
    type: str
    read: str
    doc: str


def outputs(api: Api) -> list[Output]:
    return [
        Output("node/src/enums.gen.ts", "enums.gen.ts.j2", enums_context(api)),
        Output("node/src/errors.gen.ts", "errors.gen.ts.j2", {"errors": errors(api)}),
        Output("node/src/status.gen.ts", "status.gen.ts.j2", {"errors": errors(api)}),
        Output("node/src/core.gen.ts", "core.gen.ts.j2", core_context(api)),
        Output("node/src/operations.gen.ts", "operations.gen.ts.j2", operations_context(api)),
        Output("node/src/callables.gen.ts", "callables.gen.ts.j2", {"callables": callables(api)}),
        Output("node/src/functions.gen.ts", "functions.gen.ts.j2", functions_context(api)),
        Output("node/src/event.gen.ts", "event.gen.ts.j2", {"keys": event_keys(api)}),
        Output("node/native/slots.gen.h", "slots.gen.h.j2", addon.slots_context(api)),
        Output("node/native/addon.gen.c", "addon.gen.c.j2", addon.addon_context(api)),
        Output("node/test/dispatch.gen.mjs", "dispatch.gen.mjs.j2", dispatch_context(api)),
        *forms.outputs(api),
    ]


# --- Enums, flags, constants, errors ---


def enums_context(api: Api) -> dict:
    return {
        "abi_hash": f"{api.abi_hash:016x}",
        "version": api.version,
        "constants": [constant(c) for c in api.constants],
        "enums": [Group(e.doc, pascal(e.name), _members(e.values)) for e in api.enums],
        "flags": [Group(f.doc, flags_name(f.name), _members(f.bits)) for f in api.flags],
    }


def constant(item: Constant) -> Member:
    big = "n" if item.type.kind in ("i64", "u64") else ""
    name = f"{item.name}_{item.unit}" if item.unit else item.name
    return Member(item.doc, name.upper(), f"{item.value}{big}")


def _members(values: tuple[Value, ...]) -> tuple[Member, ...]:
    return tuple(Member(v.doc, pascal(v.name), str(v.value)) for v in values)


def errors(api: Api) -> list[dict]:
    return [
        {"doc": e.doc, "name": e.name, "class": pascal(e.name), "value": e.value}
        for e in api.errors
    ]


# --- The flat interface ---


def core_context(api: Api) -> dict:
    return {
        "slot_count": flat.all_slot_count(api),
        "structs": [struct_reader(struct) for struct in flat.slot_structs(api)],
        "functions": [core_function(f) for f in flat.functions(api)],
        "enums": sorted(
            {
                pascal(field.type.name)
                for struct in flat.slot_structs(api)
                for field in struct.fields
                if field.type.kind == "enum"
            }
        ),
    }


def core_function(f: flat.Function) -> CoreFunction:
    parameters = ", ".join(f"{p.name}: {p.ts}" for p in f.passed)
    absent = (" Absent where the core has no operating system.", "?") if f.is_hosted else ("", "")
    signature = f"{f.name}{absent[1]}({parameters}): {f.ts_returns};"
    slots = ", ".join(p.name for p, _ in f.slotted)
    slotted = f" In the slots: {slots}." if slots else ""
    return CoreFunction(f.operation.doc + absent[0] + slotted, fit(signature, 2))


def struct_reader(struct: Struct) -> StructReader:
    indexes = flat.slot_indexes(struct)
    constants = [(f"{struct.name}_{f.name}".upper(), index) for f, index in indexes]
    return StructReader(
        doc=struct.doc,
        name=pascal(struct.name),
        constants=(*constants, (f"{struct.name}_SLOTS".upper(), flat.struct_slot_count(struct))),
        fields=tuple(
            Member(f.doc, camel(cabi.member_name(f)), flat.ts_value_type(f.type))
            for f, _ in indexes
        ),
        reads=tuple((camel(cabi.member_name(f)), flat.ts_read(f.type, i)) for f, i in indexes),
    )


# --- Events ---


def event_keys(api: Api) -> list[EventKey]:
    keys = dict.fromkeys([*api.wire.common, *api.wire.scope, *api.wire.mark]) if api.wire else {}
    return [event_key(key) for key in keys]


def event_key(key: str) -> EventKey:
    kind, doc = _EVENT_MEMBERS[key]
    read = f'this.field("{key}")'
    return EventKey(key, kind, read if kind == "unknown" else f"{read} as {kind}", doc)
