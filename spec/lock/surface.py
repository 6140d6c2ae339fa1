"""The model -> what callers of the C library depend on: items, each with parts that have a value.

    "function scopeflow_scope_is_open": {"availability": "everywhere", "returns": "uint32_t", …}

Docs and the order of items play no part in it, so that what is compared is the meaning.
"""

from __future__ import annotations

from collections.abc import Iterator

from spec.gen import cabi, layout
from spec.gen.model import Api, Argument, Field, Operation

Parts = dict[str, object]
Surface = dict[str, Parts]

# What asks the library as a whole; the spec has no operation for it.
_LIBRARY = {
    "scopeflow_abi_hash": ["everywhere", "uint64_t"],
    "scopeflow_get_functions": ["hosted", "const scopeflow_functions *"],
    "scopeflow_status_name": ["everywhere", "const char *", "scopeflow_status status"],
    "scopeflow_version": ["everywhere", "const char *"],
}
_PASSING = {"borrow": "", "copy": "", "take": ", taken", "retain": ", retained"}


def surface(api: Api) -> Surface:
    """Sorted by item, so that a line of the lock stays where it is."""
    items: Surface = {}
    for operation in api.operations:
        items[f"function {cabi.function_name(operation)}"] = dict(_function(operation))
    for name, (availability, returns, *parameters) in _LIBRARY.items():
        numbered = {f"parameter {place}": text for place, text in enumerate(parameters, 1)}
        items[f"function {name}"] = {"availability": availability, "returns": returns, **numbered}
    items.update(_structs(api))
    items.update(_numbers(api))
    for handle in api.handles:
        items[f"handle {cabi.PREFIX}{handle.name}"] = {"thread": handle.thread}
    return dict(sorted(items.items()))


def _function(operation: Operation) -> Iterator[tuple[str, object]]:
    c = cabi.function(operation)
    out = operation.out
    out_name = f"out_{out.name}" if out else ""
    out_passing = _PASSING[out.passing] if out else ""
    yield "availability", operation.availability
    yield "returns", c.returns if c.is_fallible else c.returns + out_passing
    for place, parameter in enumerate(c.parameters, 1):
        passing = out_passing if parameter.name == out_name else _passing(parameter.source)
        yield f"parameter {place}", parameter.declaration + passing
        yield from _limits(parameter)


def _passing(source: Argument | Field | None) -> str:
    return _PASSING[source.passing] if isinstance(source, Argument) else ""


def _limits(member: cabi.CMember) -> Iterator[tuple[str, object]]:
    """What a caller may give, and what is meant when nothing is given."""
    source = member.source
    if not isinstance(source, Argument):
        return
    if source.range is not None:
        yield f"range of {member.name}", list(source.range)
    if source.default is not None:
        yield f"default of {member.name}", source.default
    if source.optional:
        yield f"absence of {member.name}", "allowed"


def _structs(api: Api) -> Iterator[tuple[str, Parts]]:
    """Sizes and places as they are with 64-bit pointers, on 32-bit x86, and on other 32 bits."""
    members = {name: {m.name: m for m in of} for name, of in layout.structs(api)}
    if api.host is not None:
        functions = {f.name: cabi.host_function_declaration(f) for f in api.host.functions}
    rows = zip(*(places for _, places in layout.layouts(api)), strict=True)
    for row in rows:
        name = row[0].struct
        parts: Parts = {"size": [place.size for place in row]}
        for number, (member, _) in enumerate(row[0].offsets):
            of = members[name][member]
            is_function = name == f"{cabi.PREFIX}host" and member in functions
            declaration = functions[member] if is_function else of.declaration
            places = "/".join(str(place.offsets[number][1]) for place in row)
            parts[f"member {member}"] = f"{declaration} at {places}{_passing(of.source)}"
            parts.update(_limits(of))
        yield f"struct {name}", parts


def _numbers(api: Api) -> Iterator[tuple[str, Parts]]:
    """Enums, bits, statuses and constants: they are compiled into whoever uses them."""
    yield f"enum {cabi.PREFIX}status", {s.name: s.value for s in api.statuses}
    for enum in api.enums:
        yield f"enum {cabi.PREFIX}{enum.name}", {v.name: v.value for v in enum.values}
    for flags in api.flags:
        yield f"flags {cabi.PREFIX}{flags.name}", {b.name: b.value for b in flags.bits}
    for constant in api.constants:
        kind = constant.type.spelling
        yield (
            f"constant {cabi.constant_name(constant)}",
            {"type": kind, "value": constant.value},
        )
