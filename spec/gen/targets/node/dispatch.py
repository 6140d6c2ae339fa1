"""The tests' dispatch: how a vector's step becomes a call of the API."""

from __future__ import annotations

from spec.gen.model import Api, Operation
from spec.gen.names import pascal

from .operations import is_callable_flags, method_name
from .shared import flags_name, ts_name

# The idiomatic functions of tasks, which are written by hand, under the peer's names. All take the
# required arguments by position and the others in one object.
_TASK_FUNCTIONS = {
    "scope_push": "pushScope",
    "scope_pop": "pop",
    "scope_event": "event",
    "tool_execute": "toolCallExecute",
    "runtime_flush": "flush",
}


def dispatch_context(api: Api) -> dict:
    kinds = ("task", "call", "accessor")
    usable = [
        op
        for op in api.operations
        if op.kind in kinds and op.on is not None and op.on.name in ("runtime", "scope")
    ]
    return {
        "operations": [dispatch_entry(op) for op in usable],
        "enums": [(e.name, pascal(e.name)) for e in api.enums],
        "flags": [(f.name, flags_name(f.name)) for f in api.flags],
    }


def dispatch_entry(operation: Operation) -> dict:
    given = [a for a in operation.arguments if a.type.kind != "emitter" and a.name != "current"]
    required = [a for a in given if a.is_required and not is_callable_flags(operation, a)]
    positional = [f"given.{ts_name(a)}" for a in required]
    name = method_name(operation)
    if operation.kind == "task":
        name = _TASK_FUNCTIONS.get(operation.id, name)
        if operation.result == "call":
            positional.append("given.target")
        positional.append("given")
    return {
        "id": operation.id,
        "types": [(a.name, ts_name(a), a.type.spelling) for a in given],
        "call": f"on.{name}({', '.join(positional)})",
        "result": operation.result or (operation.out.type.spelling if operation.out else ""),
        "on": operation.on.name,
    }
