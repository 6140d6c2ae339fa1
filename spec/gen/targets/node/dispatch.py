"""The tests' dispatch: how a vector's step becomes a call of the API."""

from __future__ import annotations

from dataclasses import dataclass

from spec.gen import cabi, flat
from spec.gen.model import Api, Argument, Operation
from spec.gen.names import camel, pascal
from spec.gen.typescript import fit_arrow

from .operations import breaks_chain, is_callable_flags, method_name
from .shared import flags_name, ts_name

# The methods that are written by hand, under the peer's names. Those of tasks take the required
# arguments by position and the others in one object.
_HAND_WRITTEN = {
    "scope_push": "pushScope",
    "scope_pop": "pop",
    "scope_event": "event",
    "scope_new_root": "newRoot",
    "tool_execute": "toolCallExecute",
    "llm_execute": "llmCallExecute",
    "llm_stream_execute": "llmStreamCallExecute",
    "runtime_flush": "flush",
    "runtime_close": "close",
    "runtime_root": "root",
}
# Operations on a call's scope that are methods of the runtime.
_OF_RUNTIME = ("tool_call_end", "llm_call_end")


@dataclass(frozen=True)
class Entry:
    """An operation: `types` has the spec's name, the API's name and the type of each argument."""

    id: str
    on: str
    types: tuple[tuple[str, str, str], ...]
    result: str
    call: str
    call_sync: str

    @property
    def types_text(self) -> str:
        rows = [f'["{name}", "{key}", "{kind}"]' for name, key, kind in self.types]
        if len(rows) < 2:
            return f"[{''.join(rows)}]"
        return "[\n" + "".join(f"  {row},\n" for row in rows) + "]"


def dispatch_context(api: Api) -> dict:
    kinds = ("task", "call", "accessor")
    usable = [
        op
        for op in api.operations
        if op.kind in kinds and op.on is not None and op.on.name in ("runtime", "scope")
        if not any(a.type.kind == "value" for a in op.arguments)  # task_link: for drivers
    ]
    return {
        "operations": [dispatch_entry(api, op) for op in usable],
        "enums": [(e.name, pascal(e.name)) for e in api.enums],
        "flags": [(f.name, flags_name(f.name)) for f in api.flags],
        "structs": [
            (s.name, [(f.name, camel(cabi.member_name(f)), f.type.spelling) for f in s.fields])
            for s in flat.slot_structs(api)
        ],
    }


def dispatch_entry(api: Api, operation: Operation) -> Entry:
    given = [a for a in operation.arguments if a.type.kind != "emitter" and a.name != "current"]
    required = [a for a in given if a.is_required and not is_callable_flags(operation, a)]
    positional = [f"given.{_key(a)}" for a in required]
    if breaks_chain(api, operation):
        positional.insert(-1, "given.breakChain")
    if operation.result == "call":
        positional.append("given.target")
    if operation.kind == "task":
        positional.append("given")
    name = _HAND_WRITTEN.get(operation.id, method_name(operation))
    receiver, head = "on", "(on, given)"
    if operation.id in _OF_RUNTIME:
        receiver, name = "runtime", camel(operation.id)
        head = "(on, { response, ...options }, runtime)"
        positional = ["on", "response", "options"]
    passed = ", ".join(positional)
    sync = "Sync" if operation.result == "call" else ""
    return Entry(
        id=operation.id,
        on=operation.on.name,
        types=tuple((a.name, _key(a), a.type.spelling) for a in given),
        result=operation.result or (operation.out.type.spelling if operation.out else ""),
        call=fit_arrow(f"call: {head}", f"{receiver}.{name}({passed}),", 4),
        call_sync=fit_arrow(f"callSync: {head}", f"{receiver}.{name}{sync}({passed}),", 4),
    )


def _key(argument: Argument) -> str:
    """The option's name: a moment is of a type of its own and has no unit."""
    return camel(argument.name) if argument.type.kind == "timestamp" else ts_name(argument)
