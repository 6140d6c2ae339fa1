"""The core without cgo: Go functions over the exports of a WebAssembly module.

The exports are the functions of cgo's preamble (`core.shims`), and the Go functions have the
signatures of those that call them by cgo. Only the way across differs.
"""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi, layout
from spec.gen.model import Api, Argument, Field, Handle, Operation, Type

from . import core, glue, spelling, tasks

# WebAssembly has 32-bit pointers, and aligns 8-byte integers to 8.
_RULES = layout.RULES[2]
_MOST_COLUMNS = 80  # Of the arguments that are handed over in a line.
_LONGS = ("i64", "u64", "timestamp")


@dataclass(frozen=True)
class Function:
    signature: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Reader:
    """Reads a struct of the core out of the module's memory."""

    name: str
    go_type: str
    members: tuple[tuple[str, str], ...]


def context(api: Api) -> dict:
    return {
        "handles": [spelling.handle_type(h.name) for h in api.handles if _is_in_module(api, h)],
        "functions": functions(api),
        "readers": readers(api),
        "step": step_members(api),
        "error_bytes": _size(api, "error"),
    }


def _is_in_module(api: Api, handle: Handle) -> bool:
    own = [op for op in api.operations if op.on is not None and op.on.name == handle.name]
    return any(op.availability != "hosted" for op in own)


def functions(api: Api) -> list[Function]:
    """What needs an operating system is not in the module: Go does that itself."""
    bound = [op for op in api.operations if op.kind in core.FUNCTIONS]
    return [
        Function(function.signature, tuple(_LINES[op.kind](api, op)))
        for function, op in zip(core.functions(api), bound, strict=True)
        if op.availability != "hosted"
    ]


# --- What crosses ---


def _put(item: Argument | Field, value: str) -> str:
    kind = item.type
    if kind.kind == "string":
        is_optional = getattr(item, "optional", False)
        return f"optionalText({value})" if is_optional else f"text({value})"
    if kind.kind == "bytes":
        return f"bytes({value})"
    if kind.kind in ("handle", "emitter"):
        return f"handle({value})"
    if kind.kind == "bool":
        return f"flag({value})"
    if kind.kind == "f64":
        return f"double({value})"
    width = "long(uint64" if kind.kind in _LONGS else "word(uint32"
    return f"{width}({value}))"


def _options(op: Operation) -> list[str]:
    return [_put(a, core.argument_value(a)) for a in op.arguments if a.type.kind != "host"]


def _self(op: Operation) -> list[str]:
    return ["handle(self)"] if op.on is not None and op.on.kind == "handle" else []


def _plain_arguments(op: Operation) -> list[str]:
    return [_put(a, spelling.local(a.name)) for a in op.arguments]


def _entered(puts: list[str]) -> str:
    """A call with its arguments, which one of the methods of `lane` then runs; in lines of gofmt's
    form."""
    lines = ["enterCore()"]
    for put in puts:
        if len(lines[-1]) + len(put) > _MOST_COLUMNS:
            lines[-1] += "."
            lines.append("\t\t" + put)
        else:
            lines[-1] += "." + put
    return "\n".join(lines)


def _on_task(puts: list[str]) -> str:
    return _entered(["word(c.address)", *puts])


_READERS = {
    "string": "readText", "bytes": "readBytes", "chars": "readChars", "uuid": "readUUID",
    "handle": "readHandle", "bool": "readFlag",
}  # fmt: skip


def _read(kind: Type, at: str) -> str:
    """The Go expression of what stands at a place of the module's memory."""
    if kind.kind == "struct":
        return f"{spelling.reader(kind.name)}(memory, {at})"
    at = at.replace("+", " + ")  # As gofmt wants it for an only argument.
    if kind.kind in _READERS:
        return f"memory.{_READERS[kind.kind]}({at})"
    width = "Long" if kind.kind in _LONGS else "Word"
    return f"{spelling.go_type(kind)}(memory.read{width}({at}))"


def _measure(api: Api, kind: Type) -> int:
    if kind.kind == "struct":
        return _size(api, kind.name)
    return {"uuid": 16, "string": 8, "bytes": 8}.get(kind.kind, 8 if kind.kind in _LONGS else 4)


def _size(api: Api, struct: str) -> int:
    return _place(api, struct).size


def _place(api: Api, struct: str) -> layout.Place:
    name = cabi.PREFIX + struct
    return next(p for p in layout.places(api, _RULES) if p.struct == name)


def readers(api: Api) -> list[Reader]:
    found = []
    for struct in spelling.structs_out(api):
        offsets = dict(_place(api, struct.name).offsets)
        members = tuple(
            (spelling.field_name(f), _read(f.type, f"at+{offsets[cabi.member_name(f)]}"))
            for f in struct.fields
        )
        found.append(Reader(spelling.reader(struct.name), spelling.type_name(struct.name), members))
    return found


def step_members(api: Api) -> list[tuple[str, str]]:
    """Declaration and reading of a step's members, under the names that cgo gives them."""
    offsets = dict(_place(api, "step").offsets)
    fields = api.struct("step").fields
    width = max(len(glue.c_member(f)) for f in fields)
    return [
        (
            f"{glue.c_member(f):<{width}} {spelling.go_type(f.type)}",
            f"out.{glue.c_member(f)} = {_read(f.type, f'at+{offsets[f.name]}')}",
        )
        for f in fields
    ]


# --- The bodies ---


def _export(op: Operation) -> str:
    return f'"{glue.shim_name(op)}"'


def _task(_api: Api, op: Operation) -> list[str]:
    lines, taken = core.hold_references(op)
    x = _on_task(["handle(self)", *_options(op)])
    lines.append("emitter := c.lockEmitter()")
    stepped = f"c.stepped({x}, {_export(op)})"
    if not taken:
        return [*lines, f"return {stepped}"]
    kept = [f"c.keepOnFailure(status, {ref})" for ref in taken]
    return [*lines, f"status := {stepped}", *kept, "return status"]


def _resume(api: Api, op: Operation) -> list[str]:
    puts = [
        _put(f, "emitter" if f.type.kind == "emitter" else spelling.local(f.name))
        for struct, _ in tasks.flattened(api, op)
        for f in struct.fields
    ]
    return ["emitter := c.lockEmitter()", f"return c.stepped({_on_task(puts)}, {_export(op)})"]


def _abandon(_api: Api, op: Operation) -> list[str]:
    return [f"{_on_task([])}.run({_export(op)})"]


def _constructor(api: Api, op: Operation) -> list[str]:
    has_host = any(a.type.kind == "host" for a in op.arguments)
    host = ["word(uint32(host))"] if has_host else []
    return [_resulting(api, op, [*host, *_options(op)])]


def _resulting(api: Api, op: Operation, puts: list[str]) -> str:
    kind = op.out.type
    size, reader = _measure(api, kind), _reader(kind)
    return f"return resulting({_entered(puts)}, {_export(op)}, {size}, {reader})"


def _reader(kind: Type) -> str:
    """The Go function that reads what an operation gives."""
    if kind.kind == "struct":
        return spelling.reader(kind.name)
    if kind.kind in _READERS:
        return f"moduleMemory.{_READERS[kind.kind]}"
    if kind.is_reference:
        return "moduleMemory.readRef"
    go = spelling.go_type(kind)
    return f"func(memory moduleMemory, at uint32) {go} {{ return {_read(kind, 'at')} }}"


def _call(api: Api, op: Operation) -> list[str]:
    if core.is_on_task(op):
        return [f"return c.told({_on_task(_plain_arguments(op))}, {_export(op)})"]
    puts = [*_self(op), *_plain_arguments(op)]
    if op.out is None:
        return [f"return {_entered(puts)}.check({_export(op)})"]
    return [_resulting(api, op, puts)]


def _accessor(api: Api, op: Operation) -> list[str]:
    if op.out.type.kind in ("string", "bytes"):  # C gives it by a place that comes first.
        x, out = "x := enterCore()", f"out := x.out({_measure(api, op.out.type)})"
        given = f"x.{'.'.join(_self(op))}, {_export(op)}, out"
        return [x, out, f"return placed({given}, {_reader(op.out.type)})"]
    result = f"{_entered(_self(op))}.run({_export(op)})"
    if op.out.type.kind == "bool":
        return [f"return {result} != 0"]
    if op.out.type.kind == "size":  # The most of 32 bits means the most of all.
        return [f"return sizeOf({result})"]
    return [f"return {spelling.go_type(op.out.type)}({result})"]


def _retain(_api: Api, op: Operation) -> list[str]:
    return [f"{_entered(_self(op))}.run({_export(op)})", "return self"]


def _plain(_api: Api, op: Operation) -> list[str]:
    return [f"{_entered([*_self(op), *_plain_arguments(op)])}.run({_export(op)})"]


_LINES = {
    "task": _task, "constructor": _constructor, "call": _call, "accessor": _accessor,
    "retain": _retain, "release": _plain, "destructor": _plain, "tape": _plain,
    "resume": _resume, "abandon": _abandon,
}  # fmt: skip
