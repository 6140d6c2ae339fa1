"""The contract of an operation in sentences, the same for every language.

Always in this order: what it does, units, ownership, errors, thread (style rule 7). A target puts
them into its own kind of comment.
"""

from __future__ import annotations

from .cabi import member_name
from .model import Api, Argument, Handle, Operation, Out, Struct

_UNITS = {
    "ns": "nanoseconds",
    "us": "microseconds",
    "ms": "milliseconds",
    "bytes": "bytes",
    "count": "a count",
    "index": "an index from 0",
}
_THREADS = {
    "shared": "May be called from any thread.",
    "confined": "For one thread at a time.",
}
_REFERENCE_ENDS = "until the task's last step"


def units(operation: Operation) -> list[str]:
    """`clock_start_ns`: nanoseconds, and so on for each argument that has a unit."""
    return [
        f"`{member_name(argument)}`: {unit_of(argument)}"
        for argument in operation.arguments
        if unit_of(argument)
    ]


def unit_of(argument: Argument) -> str:
    if argument.type.kind == "timestamp":
        return "nanoseconds since 1970-01-01 UTC"
    return _UNITS.get(argument.unit, "")


def ownership(operation: Operation, api: Api) -> list[str]:
    """Who owns what goes in and comes out."""
    found = []
    taken = [a.name for a in operation.arguments if a.passing == "take"]
    lent = [a.name for a in operation.arguments if a.type.is_reference and a.passing == "borrow"]
    if taken:
        found.append(f"Takes {_listed(taken)} on success; on failure it stays the caller's.")
    if lent:
        end = f" {_REFERENCE_ENDS}" if operation.kind == "task" else ""
        found.append(f"Borrows {_listed(lent)}{end}.")
    if operation.result == "scope":
        found.append("The scope of the `done` step is the caller's to release.")
    if operation.result == "call":
        found.append("The value of the `return` or `raise` step is the caller's again.")
    if operation.out is not None:
        found.extend(_out_ownership(operation, operation.out, api))
    return found


def _out_ownership(operation: Operation, out: Out, api: Api) -> list[str]:
    if operation.kind == "constructor":
        return [f"The {out.name} is the caller's, to be given back when it is done with."]
    if out.passing == "retain":
        return [f"The {out.name} is the caller's to release."]
    if out.type.kind == "string":
        return [f"The {out.name} is borrowed."]
    if out.type.kind == "struct" and _has_text(api.struct(out.type.name)):
        return [f"Texts in the {out.name} are borrowed."]
    return []


def _has_text(struct: Struct) -> bool:
    return any(field.type.kind == "string" for field in struct.fields)


def errors(operation: Operation, api: Api) -> list[str]:
    """`invalid_argument (1003)` and so on, in the order of their numbers."""
    listed = sorted(operation.errors, key=lambda name: api.error(name).value)
    return [f"{name} ({api.error(name).value})" for name in listed]


def thread(operation: Operation, api: Api) -> str:
    if operation.on is None:
        return _THREADS["shared"]
    if operation.on.kind == "value":
        return _THREADS["confined"]
    return _THREADS[api.handle(operation.on.name).thread]


def thread_of(handle: Handle) -> str:
    return {"shared": "any", "confined": "one at a time"}[handle.thread]


def limits(argument: Argument) -> str:
    """`default 0; 64 to 1073741824`, or `optional`, or nothing."""
    parts = []
    if argument.optional:
        parts.append("optional")
    if argument.default is not None:
        parts.append(f"default {_shown(argument.default)}")
    if argument.range is not None:
        parts.append(f"{argument.range[0]} to {argument.range[1]}")
    return "; ".join(parts)


def _shown(value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]
