"""The core without cgo: Go functions over the exports of a WebAssembly module, and those exports.

Both sides are what they are with cgo (`core.py`): the exports are the functions of its preamble,
and the Go functions have the signatures of those that call them. Only the way across differs.
"""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi, layout
from spec.gen.model import Api, Argument, Field, Handle, Operation, Type
from spec.gen.names import pascal

from . import core, glue, spelling, tasks

# WebAssembly has 32-bit pointers, and aligns 8-byte integers to 8.
_RULES = layout.RULES[2]
_WORDS = ("i32", "u32", "size")
_LONGS = ("i64", "u64", "timestamp")


@dataclass(frozen=True)
class Function:
    signature: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Export:
    name: str
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
        "names": [(_number(op), glue.shim_name(op)) for op in _reached(api)],
        "functions": functions(api),
        "readers": readers(api),
        "step": step_members(api),
        "error_bytes": _size(api, "error"),
    }


def exports(api: Api) -> list[Export]:
    operations = [op for op in api.operations if op.kind in core.SHIMS]
    return [
        Export(glue.shim_name(op), shim.signature.removeprefix("static inline "), shim.lines)
        for op, shim in zip(operations, core.shims(api), strict=True)
        if not _is_hosted(op)
    ]


def _is_hosted(operation: Operation) -> bool:
    return operation.availability == "hosted"


def _bound(api: Api) -> list[Operation]:
    return [op for op in api.operations if op.kind in core.FUNCTIONS]


def _reached(api: Api) -> list[Operation]:
    return [op for op in _bound(api) if not _is_hosted(op)]


def _number(operation: Operation) -> str:
    return "export" + pascal(operation.id)


def _is_in_module(api: Api, handle: Handle) -> bool:
    own = [op for op in api.operations if op.on is not None and op.on.name == handle.name]
    return not all(_is_hosted(op) for op in own)


def functions(api: Api) -> list[Function]:
    """What needs an operating system is not in the module: Go does that itself."""
    return [
        Function(function.signature, tuple(_LINES[op.kind](api, op)))
        for function, op in zip(core.functions(api), _bound(api), strict=True)
        if not _is_hosted(op)
    ]


# --- What crosses ---


def _put(item: Argument | Field, value: str) -> str:
    kind = item.type
    if kind.kind == "string":
        is_optional = getattr(item, "optional", False)
        return f"x.optionalText({value})" if is_optional else f"x.text({value})"
    if kind.kind == "bytes":
        return f"x.bytes({value})"
    if kind.kind in ("handle", "emitter"):
        return f"x.handle({value})"
    if kind.kind == "bool":
        return f"x.flag({value})"
    if kind.kind == "f64":
        return f"x.double({value})"
    width = "long(uint64" if kind.kind in _LONGS else "word(uint32"
    return f"x.{width}({value}))"


def _option_puts(op: Operation) -> list[str]:
    return [_put(a, core.argument_value(a)) for a in op.arguments if a.type.kind != "host"]


def _puts(op: Operation) -> list[str]:
    own = ["x.handle(self)"] if op.on is not None and op.on.kind == "handle" else []
    return own + [_put(a, spelling.local(a.name)) for a in op.arguments]


def _read(kind: Type, at: str) -> str:
    """The Go expression of what stands at a place of the module's memory."""
    go = spelling.go_type(kind)
    if kind.kind not in ("struct", "bool"):
        at = at.replace("+", " + ")  # As gofmt wants it for an only argument.
    if kind.kind in ("string", "chars", "uuid"):
        name = {"string": "Text", "chars": "Chars", "uuid": "UUID"}[kind.kind]
        return f"memory.read{name}({at})"
    if kind.kind == "struct":
        return f"{spelling.reader(kind.name)}(memory, {at})"
    if kind.kind == "handle":
        return f"memory.readHandle({at})"
    if kind.kind == "bool":
        return f"memory.readWord({at}) != 0"
    if kind.kind in _LONGS:
        return f"{go}(memory.readLong({at}))"
    return f"{go}(memory.readWord({at}))"


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


def _task(_api: Api, op: Operation) -> list[str]:
    lines, taken = core.hold_references(op)
    lines += ["emitter := c.lockEmitter()", "x := enterCore()", "x.word(c.address)"]
    lines += ["x.handle(self)", *_option_puts(op)]
    lines += [f"status := c.stepped(x, {_number(op)})", "c.unlockEmitter()"]
    lines += [f"c.keepOnFailure(status, {ref})" for ref in taken]
    return [*lines, "return status"]


def _resume(api: Api, op: Operation) -> list[str]:
    lines = ["emitter := c.lockEmitter()", "x := enterCore()", "x.word(c.address)"]
    for struct, _ in tasks.flattened(api, op):
        for f in struct.fields:
            lines.append(_put(f, "emitter" if f.type.kind == "emitter" else spelling.local(f.name)))
    lines += [f"result := c.stepped(x, {_number(op)})", "c.unlockEmitter()"]
    return [*lines, "return result"]


def _abandon(_api: Api, op: Operation) -> list[str]:
    return ["x := enterCore()", "x.word(c.address)", f"x.call({_number(op)})", "x.leave()"]


def _constructor(_api: Api, op: Operation) -> list[str]:
    has_host = any(a.type.kind == "host" for a in op.arguments)
    lines = ["x := enterCore()", *(["x.word(uint32(host))"] if has_host else [])]
    return [*lines, *_option_puts(op), "out := x.out(4)", *_checked(op, "nil")]


def _checked(op: Operation, zero: str) -> list[str]:
    lines = [f"if err := x.check({_number(op)}); err != nil {{", f"\treturn {zero}, err", "}"]
    lines += ["memory := x.memory()", f"value := {_read(op.out.type, 'out')}", "x.leave()"]
    return [*lines, "return value, nil"]


def _call(api: Api, op: Operation) -> list[str]:
    if core.is_on_task(op):
        lines = ["x := enterCore()", "x.word(c.address)", *_puts(op)]
        return [*lines, f"return c.told(x, {_number(op)})"]
    lines = ["x := enterCore()", *_puts(op)]
    if op.out is None:
        lines += [f"err := x.check({_number(op)})", "if err == nil {", "\tx.leave()", "}"]
        return [*lines, "return err"]
    lines.append(f"out := x.out({_measure(api, op.out.type)})")
    return [*lines, *_checked(op, core.zero_value(op.out.type))]


def _accessor(_api: Api, op: Operation) -> list[str]:
    go = spelling.go_type(op.out.type)
    value = "result != 0" if op.out.type.kind == "bool" else f"{go}(result)"
    if op.out.type.kind == "size":  # The most of 32 bits means the most of all.
        value = "sizeOf(result)"
    lines = ["x := enterCore()", *_puts(op), f"result := x.call({_number(op)})", "x.leave()"]
    return [*lines, f"return {value}"]


def _retain(_api: Api, op: Operation) -> list[str]:
    lines = ["x := enterCore()", "x.handle(self)", f"x.call({_number(op)})", "x.leave()"]
    return [*lines, "return self"]


def _plain(_api: Api, op: Operation) -> list[str]:
    return ["x := enterCore()", *_puts(op), f"x.call({_number(op)})", "x.leave()"]


_LINES = {
    "task": _task, "constructor": _constructor, "call": _call, "accessor": _accessor,
    "retain": _retain, "release": _plain, "destructor": _plain, "tape": _plain,
    "resume": _resume, "abandon": _abandon,
}  # fmt: skip
