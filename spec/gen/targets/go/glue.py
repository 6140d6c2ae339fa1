"""The common parts of the glue: how an argument travels, and the frame round a call of C."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi
from spec.gen.model import Api, Argument, Field, Operation, Type
from spec.gen.names import pascal

from . import spelling


@dataclass(frozen=True)
class Passed:
    """One argument on its way: parameters of the C function, the expression that it makes of them,
    and what Go hands over."""

    c_parameters: tuple[str, ...]
    c_value: str
    go_arguments: tuple[str, ...]


@dataclass(frozen=True)
class Shim:
    """A C function that Go calls: static in cgo's preamble, an export of a WebAssembly module."""

    signature: str
    lines: tuple[str, ...]
    annotations: tuple[str, ...]  # for cgo, where the function never calls back
    is_hosted: bool  # It needs an operating system, so that it is in no WebAssembly module.


@dataclass(frozen=True)
class Function:
    """A Go function over one shim."""

    doc: str
    signature: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Reader:
    """Copies a C struct into a Go one."""

    name: str
    c_type: str
    go_type: str
    members: tuple[tuple[str, str], ...]


def c_member(item: Field) -> str:
    """cgo puts an underline before a member that is a word of Go."""
    name = cabi.member_name(item)
    return "_type" if name == "type" else name


# --- One argument ---


def passed(item: Argument | Field, kind: Type, name: str, value: str) -> Passed:
    """`name` is the C parameter, `value` the Go expression."""
    if kind.kind in ("string", "bytes"):
        pointer = "textPointer" if kind.kind == "string" else "bytesPointer"
        return Passed(
            (f"const char *{name}", f"size_t {name}_len"),
            f"scopeflow_go_bytes({name}, {name}_len)",
            (f"{pointer}({value})", f"C.size_t(len({value}))"),
        )
    if kind.kind == "handle":
        return Passed((f"scopeflow_{kind.name} *{name}",), name, (value,))
    if kind.kind == "value":
        task = f"&((scopeflow_go_call *){name}_block)->{kind.name}"
        return Passed((f"uintptr_t {name}_block",), task, (value,))
    if kind.kind == "emitter":
        return Passed((f"scopeflow_emitter *{name}",), name, (value,))
    if kind.kind == "bool":
        return Passed((f"uint32_t {name}",), name, (f"boolToC({value})",))
    c = spelling.c_type(kind)
    return Passed((f"{c} {name}",), name, (f"C.{c}({value})",))


def argument_passed(argument: Argument, value: str) -> Passed:
    """A text that may be absent is a pointer in Go."""
    part = passed(argument, argument.type, argument.name, value)
    if argument.type.kind != "string" or not argument.optional:
        return part
    given = (f"optionalPointer({value})", f"optionalLength({value})")
    return Passed(part.c_parameters, part.c_value, given)


def self_of(operation: Operation) -> Passed:
    name = operation.on.name
    return Passed((f"scopeflow_{name} *self",), "self", ("self",))


def annotations(operation: Operation, name: str) -> tuple[str, ...]:
    """Kinds that never run host code: what they are given need not escape, and no stack moves."""
    if operation.kind not in ("accessor", "retain", "tape"):
        return ()
    return (f"#cgo noescape {name}", f"#cgo nocallback {name}")


def shim_name(operation: Operation) -> str:
    return f"scopeflow_go_{operation.id}"


def shim(
    api: Api, op: Operation, returns: str, parts: list[Passed], extra: list[str], lines
) -> Shim:
    parameters = [p for part in parts for p in part.c_parameters] + extra
    name = shim_name(op)
    gap = "" if returns.endswith("*") else " "
    signature = f"SCOPEFLOW_GO_SHIM({name}) {returns}{gap}{name}({', '.join(parameters)})"
    is_hosted = op.availability == "hosted"
    return Shim(signature, tuple(lines), annotations(op, name), is_hosted)


def core_name(operation: Operation) -> str:
    return "core" + pascal(operation.id)


def doc(name: str, operation: Operation) -> str:
    return spelling.documented(name, operation.doc)


# --- The arguments of a call ---


def call_parts(operation: Operation) -> list[Passed]:
    return [argument_passed(a, spelling.local(a.name)) for a in operation.arguments]


def parameters(operation: Operation) -> str:
    is_handle = operation.on is not None and operation.on.kind == "handle"
    own = [f"self {spelling.handle_type(operation.on.name)}"] if is_handle else []
    return ", ".join(
        own + [f"{spelling.local(a.name)} {core_type(a)}" for a in operation.arguments]
    )


def core_type(argument: Argument) -> str:
    is_optional_text = argument.type.kind == "string" and argument.optional
    return "*string" if is_optional_text else spelling.go_type(argument.type)
