"""Managed calls: guards, then the start, the target, and exactly one end (S4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import events
from .arguments import checked_flags, checked_text
from .errors import Failure, HostCancellation, RuntimeFailure, rejected
from .middleware import GUARDRAIL, Registration
from .runtime import ABSENT, Runtime
from .scopes import TOOL_ATTRIBUTES, Context, Place, Scope

CALL_FLAGS = {"sync": 1}

# A target gets the call's span, which is current in the context while it runs (S4.6).
Target = Callable[[Any, Scope, Context], Any]


def tool_execute(
    runtime: Runtime,
    context: Context,
    target: Target,
    name: str | bytes,
    request: Any,
    parent: Scope | None = None,
    flags: Iterable[str] | int = (),
    attributes: Iterable[str] | int = (),
    tool_call_id: str | bytes | None = None,
    data: Any = ABSENT,
    metadata: Any = ABSENT,
    timestamp: int | None = None,
) -> Any:
    """A managed tool call (S4.1): returns the target's own object, raises its own error (S4.4)."""
    name = checked_text("the name", name)
    is_sync = "sync" in checked_flags("flags", flags, CALL_FLAGS)
    attributes = checked_flags("attributes", attributes, TOOL_ATTRIBUTES)
    call_id = "" if tool_call_id is None else checked_text("the tool_call_id", tool_call_id)
    runtime.check_parent(parent)
    _refuse_async(runtime.chain(GUARDRAIL, parent or context.value), is_sync)

    runtime.emit_owed(context)
    place = context.place(parent)  # S4.6: whatever a guard leaves current there
    guards = runtime.chain(GUARDRAIL, place.inherits)  # S3.4: as the call saw it
    _ask_guards(runtime, context, place, guards, name, request)
    span = runtime.open(place, name, "tool", attributes, metadata, timestamp)
    span.tool_call_id = call_id
    return _run(runtime, context, span, request, data, target)


def _refuse_async(middleware: list[Registration], is_sync: bool) -> None:
    """Where nothing can be awaited, what is declared async is refused at once (S3.8)."""
    for registration in middleware:
        if is_sync and registration.is_async:
            raise RuntimeFailure("invalid_state", f"{registration.name} is async")


def _ask_guards(
    runtime: Runtime,
    context: Context,
    place: Place,
    guards: list[Registration],
    name: str,
    request: Any,
) -> None:
    """Guards see the caller's raw request, under the caller's scope (S3.5, S4.6).

    The first reason refuses, a guard that fails refuses with its own error, and either leaves one
    mark (S4.5). The host's cancellation is neither: it passes through (S4.4).
    """
    for guard in guards:
        try:
            reason = guard.callable(name, request, context)
        except HostCancellation:
            raise
        except Failure as error:
            failed = events.failed_step("guard", guard.name, error)
            runtime.mark(context, place, name, failed, category="tool")
            raise
        if reason is not None:
            refused = events.refusal(reason, guard.name)
            runtime.mark(context, place, name, refused, category="guardrail")
            raise rejected(reason)


def _run(
    runtime: Runtime, context: Context, span: Scope, request: Any, data: Any, target: Target
) -> Any:
    """From the start event to the end event, whatever happens in between (S4.2, S4.3)."""
    try:
        runtime.emit_start(span, request, context)
        result = _run_target(context, span, request, target)
    except Failure as error:
        # S2.5: on failure nothing of the handle's `data` is emitted.
        runtime.end(span, context, ABSENT, ABSENT, events.failure(error))
        raise
    output = data if result is ABSENT else result
    runtime.end(span, context, output, ABSENT, events.success())
    return result


def _run_target(context: Context, span: Scope, request: Any, target: Target) -> Any:
    """While the target runs the call's own span is current (S4.6)."""
    context.value = span
    try:
        return target(request, span, context)
    finally:
        context.restore_after(span)
