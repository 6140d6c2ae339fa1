"""C: the size of every public struct and the place of every member, worked out from the model.

Three rules of layout are in use: 64-bit pointers; 32-bit pointers with 8-byte integers aligned to 8
(WebAssembly, ARM); and 32-bit pointers with 8-byte integers aligned to 4 (x86).
"""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi
from spec.gen.model import Api

_FIXED = {
    "uint8_t": 1,
    "uint32_t": 4,
    "int32_t": 4,
    "uint64_t": 8,
    "int64_t": 8,
    "double": 8,
    "char": 1,
}


@dataclass(frozen=True)
class Rules:
    condition: str  # of the preprocessor
    title: str
    pointer: int
    wide: int  # the alignment of 8-byte integers


@dataclass(frozen=True)
class Place:
    struct: str
    size: int
    offsets: tuple[tuple[str, int], ...]


RULES = (
    Rules("UINTPTR_MAX == UINT64_MAX", "64-bit pointers", 8, 8),
    Rules("defined(__i386__)", "32-bit pointers, 8-byte integers aligned to 4", 4, 4),
    Rules("UINTPTR_MAX == UINT32_MAX", "32-bit pointers, 8-byte integers aligned to 8", 4, 8),
)


def layouts(api: Api) -> list[tuple[Rules, list[Place]]]:
    return [(rules, places(api, rules)) for rules in RULES]


def places(api: Api, rules: Rules) -> list[Place]:
    """All structs in an order in which each stands after those that it holds."""
    known: dict[str, tuple[int, int]] = {}
    for item in (*api.enums, *api.flags):
        known[cabi.PREFIX + item.name] = (4, 4)
    for callback in api.callbacks:
        known[cabi.PREFIX + callback.name] = (rules.pointer, rules.pointer)
    known[cabi.PREFIX + "status"] = (4, 4)
    found = [_place(name, members, known, rules) for name, members in structs(api)]
    opaque = [Place(cabi.PREFIX + v.name, v.size, ()) for v in api.values]
    return found + opaque


def structs(api: Api):
    """Name and members; first the two that every header has."""
    yield (
        cabi.PREFIX + "bytes",
        (cabi.CMember("ptr", "const char *"), cabi.CMember("len", "size_t")),
    )
    yield cabi.PREFIX + "uuid", (cabi.CMember("bytes", "uint8_t", array="[16]"),)
    if api.host is not None:
        host = [cabi.CMember(f.name, "void *") for f in api.host.functions]
        yield cabi.PREFIX + "host", (*cabi.HOST_MEMBERS, *host)
    for struct in api.structs:
        yield cabi.PREFIX + struct.name, tuple(cabi.member(f) for f in struct.fields)
    if api.table is not None:
        pointers = [cabi.CMember(c.operation.id, "void *") for c in cabi.table_functions(api)]
        yield cabi.TABLE, (cabi.HOST_MEMBERS[0], *pointers)
    for operation in api.operations:
        if cabi.has_options(operation):
            yield cabi.options_name(operation), cabi.options_members(operation)


def _place(name: str, members, known: dict, rules: Rules) -> Place:
    offset, widest = 0, 1
    offsets = []
    for member in members:
        size, alignment = _measure(member, known, rules)
        offset = _round_up(offset, alignment)
        offsets.append((member.name, offset))
        offset += size
        widest = max(widest, alignment)
    known[name] = (_round_up(offset, widest), widest)
    return Place(name, known[name][0], tuple(offsets))


def _measure(member: cabi.CMember, known: dict, rules: Rules) -> tuple[int, int]:
    """Size and alignment."""
    if member.array:
        return int(member.array.strip("[]")) * _FIXED[member.type], _FIXED[member.type]
    if member.type.endswith("*") or member.type in ("size_t", cabi.PREFIX + "ref"):
        return rules.pointer, rules.pointer
    if member.type in known:
        return known[member.type]
    size = _FIXED[member.type]
    return size, rules.wide if size == 8 else size


def _round_up(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment
