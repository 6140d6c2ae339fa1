"""The table by which the vectors' operations reach the package, and the names of enum values."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from spec.gen.model import Api, Argument, Operation, Registry
from spec.gen.names import pascal

from . import methods, spelling, values


@dataclass(frozen=True)
class Entry:
    id: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Names:
    """The values of an enum or a flag set by their names in the spec."""

    name: str
    members: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Callable:
    """What the runner registers for a case: the function of a registry that does what it says."""

    maker: str
    func_type: str
    signature: str
    lines: tuple[str, ...]


# How the runner plays a callable, by what that answers.
_PLAYS = {
    "reason": "return r.reason(ctx, c, &count{also})",
    "payload": "return r.sanitized(ctx, c, &count, {given})",
    "request": "return r.intercepted(ctx, c, &count, {given})",
    "result": "return r.executed(ctx, c, &count, {given})",
    "fields": "return r.fields(ctx, c, &count, {given})",
    "members": "return r.members(ctx, c, &count)",
    "nothing": "r.nothing(ctx, c, &count)",
}
_OWN_PLAYS = {
    "llm_sanitize_request_guardrail": "return r.sanitizedRequest(ctx, c, &count, {given})",
    "llm_request_intercept": "return r.interceptedLLM(ctx, c, &count, {given})",
    "llm_execution_intercept": "return r.executedLLM(ctx, c, &count, {given})",
    "llm_stream_execution_intercept": "return r.executedStream(ctx, c, &count, {given})",
}
# What of its arguments the runner looks at.
_SEEN = ("request", "annotated", "response", "fields", "next")


def context(api: Api) -> dict:
    entries = [entry for op in api.operations for entry in _entries(api, op)]
    return {
        "callables": [_callable(registry) for registry in api.registries],
        "entries": entries,
        "operations": textwrap.wrap(" ".join(f'"{entry.id}",' for entry in entries), 96),
        "names": _names(api),
        "structs": [_fields(api, s) for s in spelling.structs_out(api) if _is_seen(s.name)],
    }


def _names(api: Api) -> list[Names]:
    """What the arguments of the vectors' operations need."""
    given = {
        a.type.name for op in api.operations if _entries(api, op) for a in op.arguments
        if a.type.kind in ("enum", "flags")
    }  # fmt: skip
    named = [(e.name, e.values) for e in api.enums] + [(f.name, f.bits) for f in api.flags]
    return [
        Names(name, tuple((v.name, str(v.value)) for v in values))
        for name, values in named
        if name in given
    ]


def _callable(registry: Registry) -> Callable:
    is_recorded = registry.answer == "nothing" and "event" in registry.call_arguments
    seen = ["r.record(c, event)"] if is_recorded else []
    given = [name for name in registry.call_arguments if name in _SEEN]
    play = _OWN_PLAYS.get(registry.name) or _PLAYS[registry.answer]
    return Callable(
        maker=spelling.unexported(registry.name),
        func_type=methods.func_type(registry.name),
        signature=methods.func_signature(registry),
        lines=(
            *seen,
            play.format(given=", ".join(given), also="".join(f", {name}" for name in given)),
        ),
    )


def _is_seen(struct: str) -> bool:
    return struct not in spelling.INTERNAL_TYPES


def _fields(api: Api, struct) -> tuple[str, list[tuple[str, str]]]:
    """Go type -> the members of a vector's `out` with the expression that shows each."""
    return (
        spelling.type_name(struct.name),
        [(f.name, _shown(f"v.{spelling.field_name(f)}", f)) for f in struct.fields],
    )


def _shown(value: str, item) -> str:
    kind = item.type.kind
    if kind in ("uuid", "enum"):
        return f"{value}.String()"
    if kind in ("i64", "u64"):
        return f"fmt.Sprint({value})"
    return value


def _entries(api: Api, operation: Operation) -> list[Entry]:
    if any(a.type.kind == "value" for a in operation.arguments):
        return []  # What a driver does, not what an application does.
    if operation.module == "codec":
        return []  # Payloads have vectors of their own, tests/codecs.
    if operation.registry:
        return [Entry(operation.id, tuple(_registry(operation)))]
    if operation.kind == "task":
        return [Entry(operation.id, tuple(_task(api, operation)))]
    if operation.kind not in methods.SIMPLE or operation.on.name not in spelling.CLASSES:
        return []
    if operation.id in spelling.GO_NAMES:
        given = ", ".join(["s", *(_value(a) for a in operation.arguments)])
        return [Entry(operation.id, (f"return r.{spelling.unexported(operation.id)}({given})",))]
    return [Entry(operation.id, tuple(_simple(api, operation)))]


def _subject(operation: Operation) -> str:
    return "r.runtime" if operation.on.name == "runtime" else "r.scope(s.On)"


def _value(a: Argument) -> str:
    """The Go expression that reads an argument of a step."""
    kind = a.type
    reader = {
        "string": f's.text("{a.name}")',
        "payload": f's.payload("{a.name}")',
        "error": f's.err("{a.name}")',
        "timestamp": f's.time("{a.name}")',
        "bool": f's.boolean("{a.name}")',
        "callable": f's.codec("{a.name}")',
    }.get(kind.kind)
    if reader:
        return reader
    if kind.kind == "handle":
        return f'r.scope(s.label("{a.name}"))'
    go = spelling.go_type(kind)
    table = f"vectorNames_{kind.name}" if kind.kind in ("enum", "flags") else "nil"
    return f'{go}(s.number("{a.name}", {table}))'


def _registry(operation: Operation) -> list[str]:
    method = f"{pascal(operation.action)}{spelling.exported(operation.registry)}"
    given = []
    for a in methods.registry_parameters(operation):
        if a.type.kind == "callable":
            given.append(f'r.{spelling.unexported(operation.registry)}(s.callable("{a.name}"))')
        elif a.type.kind == "flags":
            given.append("s.breaksChain()")
        else:
            given.append(_value(a))
    call = f"{_subject(operation)}.{method}({', '.join(given)})"
    if operation.action == "deregister":
        return [f"return {call}, nil"]
    return [f"return nil, {call}"]


def _task(api: Api, operation: Operation) -> list[str]:
    """The required arguments and the options; the runner calls the idiomatic function with them."""
    lines = [f"var options []{values.option_type(operation)}"]
    required = []
    for a in values.given(operation):
        if a.is_required:
            is_request = operation.module == "llm" and a.name == "request"
            required.append(f's.llmRequest("{a.name}")' if is_request else _value(a))
            continue
        name = values.option_name(api, operation, a)
        lines += [
            f'if s.has("{a.name}") {{',
            f"\toptions = append(options, {name}({_value(a)}))",
            "}",
        ]
    if len(lines) == 1:
        lines = []
        arguments = ["s", *required]
    else:
        arguments = ["s", *required, "options"]
    lines.append(f"return r.{spelling.unexported(operation.id)}({', '.join(arguments)})")
    return lines


def _simple(api: Api, operation: Operation) -> list[str]:
    name = spelling.exported(spelling.noun(operation, operation.on.name))
    call = f"{_subject(operation)}.{name}({', '.join(_value(a) for a in operation.arguments)})"
    if operation.kind == "accessor":
        return [f"return {call}, nil"]
    if operation.out is None:
        return [f"return nil, {call}"]
    return [f"return {call}"]
