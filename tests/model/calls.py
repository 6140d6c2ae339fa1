"""Managed calls: from the start event to exactly one end (S4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import events, sanitizing
from .admission import CALL_FLAGS, Call, admit, begin
from .arguments import checked_flags, checked_text
from .codecs import Codec
from .emission import Watch
from .errors import (
    Failure,
    Held,
)
from .events import Draft
from .execution import Annotated, Execution, PendingMark, Target
from .middleware import START_SANITIZER
from .runtime import ABSENT, Runtime
from .scopes import LLM_ATTRIBUTES, TOOL_ATTRIBUTES, Context, Scope

ATTRIBUTES = {"tool": TOOL_ATTRIBUTES, "llm": LLM_ATTRIBUTES}


def execute(
    runtime: Runtime,
    context: Context,
    kind: str,
    target: Target,
    name: str | bytes,
    request: Any,
    parent: Scope | None = None,
    flags: Iterable[str] | int = (),
    attributes: Iterable[str] | int = (),
    tool_call_id: str | bytes | None = None,
    model_name: str | bytes | None = None,
    data: Any = ABSENT,
    metadata: Any = ABSENT,
    timestamp: int | None = None,
    codec: Codec | None = None,
    response_codec: Codec | None = None,
) -> Any:
    """A managed call (S4.1): returns the target's own object, raises its own error (S4.4)."""
    name = checked_text("the name", name)
    is_sync = "sync" in checked_flags("flags", flags, CALL_FLAGS)
    attributes = checked_flags("attributes", attributes, ATTRIBUTES[kind])
    ids = checked_ids(tool_call_id, model_name)
    call = begin(
        runtime, context, kind, name, parent, is_sync, codec=codec, response_codec=response_codec
    )
    request, marks = admit(call, request, context)
    span = open_span(call, attributes, ids, metadata, timestamp, marks)
    return _run(call, span, request, data, target, context)


def checked_ids(tool_call_id: str | bytes | None, model_name: str | bytes | None) -> dict[str, str]:
    """What a call is known by elsewhere."""
    given = {"tool_call_id": tool_call_id, "model_name": model_name}
    return {
        key: checked_text(f"the {key}", text) for key, text in given.items() if text is not None
    }


def open_span(
    call: Call,
    attributes: Iterable[str],
    ids: dict[str, str],
    metadata: Any,
    timestamp: int | None,
    marks: Iterable[PendingMark] = (),
) -> Scope:
    """The call's own span (S4.6)."""
    call.runtime.check_open()  # a guard or intercept may have closed it
    span = call.runtime.open(call.place, call.name, call.kind, attributes, metadata, timestamp)
    span.tool_call_id = ids.get("tool_call_id", "")
    span.model_name = ids.get("model_name", "")
    span.call = call
    span.pending_marks += marks
    return span


def _run(call: Call, span: Scope, request: Any, data: Any, target: Target, context: Context) -> Any:
    """One start, one end, whatever happens in between (S4.2, S4.3)."""
    try:
        emit_start(call, span, request, context)
        try:
            result = Execution(call, span, request, target).run(request, context)
        finally:
            context.restore_after(span)
    except Failure as error:
        # S2.5: on failure nothing of the handle's `data` is emitted.
        finish(call, span, context, ABSENT, error)
        raise
    finish(call, span, context, data if result is ABSENT else result, None)
    return result


def emit_start(call: Call, span: Scope, request: Any, context: Context) -> None:
    """The start event, if anybody listens (S5.4)."""
    watch = Watch.of(call.runtime, START_SANITIZER, span)
    if watch is None:
        return
    call.runtime.emitter.begin_start(span.uuid)
    draft = events.scope_draft(span, "start", span.started_at)
    draft.metadata = call.runtime.text(span.metadata)
    held = Held()
    sanitizing.show_request(call, request, draft, held, context)
    with held:
        watch.emit(draft, context, call.can_await)
    held.release()


def finish(
    call: Call,
    span: Scope,
    context: Context,
    response: Any,
    error: Failure | None,
    facts: events.Members | None = None,
    time: int | None = None,
) -> None:
    """The end event with what came of the call; then what is pending even if the end went out
    by another way (decisions.md, 13)."""

    annotation = None
    if isinstance(response, Annotated):
        response, annotation = response.result, response.annotation

    def describe(draft: Draft, held: Held) -> None:
        if response is not ABSENT:
            sanitizing.show_response(call, response, annotation, draft, held, context)
        if error is not None:
            sanitizing.show_error(call, error, draft, held, context)

    status = events.success() if error is None else events.failure(error)
    call.runtime.end(
        span, context, describe, {**status, **(facts or {})}, time, can_await=call.can_await
    )
    if not call.runtime.is_closed:
        call.runtime.emit_pending(span, context, call.can_await)
