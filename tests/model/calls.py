"""Managed calls: guards, request intercepts, the start, the target, exactly one end (S4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import events, sanitizing
from .arguments import checked_flags, checked_text
from .codecs import Codec
from .emission import Watch
from .errors import (
    Failure,
    Held,
    HostCancellation,
    RuntimeFailure,
    rejected,
    returned_no_request,
    returned_nothing,
)
from .events import Draft
from .execution import Execution, PendingMark, Target
from .middleware import REGISTRIES, START_SANITIZER, Registration
from .requests import LLMRequest, private_copy
from .runtime import ABSENT, Describe, Runtime
from .scopes import LLM_ATTRIBUTES, TOOL_ATTRIBUTES, Context, Place, Scope

CALL_FLAGS = {"sync": 1, "chunk_marks": 2}
ATTRIBUTES = {"tool": TOOL_ATTRIBUTES, "llm": LLM_ATTRIBUTES}


@dataclass(eq=False)
class Call:
    """A call, and the middleware that it saw when it began: it uses it to its end (S3.4)."""

    runtime: Runtime
    kind: str  # "tool" or "llm"
    name: str
    place: Place
    can_await: bool
    guards: list[Registration]
    request_intercepts: list[Registration]
    execution_intercepts: list[Registration]
    sanitize_request: list[Registration]
    sanitize_response: list[Registration]
    codec: Codec | None = None
    response_codec: Codec | None = None
    annotated: Any = None  # of a manual call's request, as the caller gave it (S2.8)

    def mark(self, name: str, span: Scope, context: Context, describe: Describe) -> None:
        """A mark under the call's own span, as long as that is open (decisions.md, 14)."""
        if span.is_open:
            self.runtime.mark(
                context, span, span, name, describe, None, self.kind, can_await=self.can_await
            )


def begin(
    runtime: Runtime,
    context: Context,
    kind: str,
    name: str,
    parent: Scope | None,
    is_sync: bool,
    refuses: Iterable[str] = ("guard", "rewrite", "execute"),
    is_stream: bool = False,
    codec: Codec | None = None,
    response_codec: Codec | None = None,
) -> Call:
    """Notes what a call goes by; what it must not have is refused before anything else (S3.8)."""
    runtime.check_open()
    runtime.check_parent(parent)
    registries = {
        "guard": f"{kind}_conditional_execution_guardrail",
        "rewrite": f"{kind}_request_intercept",
        "execute": f"{kind}{'_stream' if is_stream else ''}_execution_intercept",
    }
    for use in refuses if is_sync else ():
        _refuse_async(runtime.chain(registries[use], parent or context.value))

    runtime.emit_owed(context)
    place = context.place(parent)  # S4.6: whatever a guard leaves current there
    of = place.inherits
    return Call(
        runtime=runtime,
        kind=kind,
        name=name,
        place=place,
        can_await=not is_sync,
        guards=runtime.chain(registries["guard"], of),
        request_intercepts=runtime.chain(registries["rewrite"], of),
        execution_intercepts=runtime.chain(registries["execute"], of),
        sanitize_request=runtime.chain(f"{kind}_sanitize_request_guardrail", of),
        sanitize_response=runtime.chain(f"{kind}_sanitize_response_guardrail", of),
        codec=codec,
        response_codec=response_codec,
    )


def _refuse_async(middleware: list[Registration]) -> None:
    for registration in middleware:
        if registration.is_async:
            raise RuntimeFailure("invalid_state", f"{registration.name} is async")


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


# Before the start event


def admit(call: Call, request: Any, context: Context) -> tuple[Any, list[PendingMark]]:
    """Guards, then request intercepts, under the caller's scope (S4.1, S4.6); what fails leaves a
    mark (S4.5). Returns the effective request, and the pending marks of the intercepts."""
    ask_guards(call, request, context, leaves_marks=True)
    return rewrite(call, request, context, leaves_marks=True)


def ask_guards(call: Call, request: Any, context: Context, leaves_marks: bool) -> None:
    """Guards see the caller's raw request (S3.5).

    The first reason refuses, a guard that fails refuses with its own error, and either leaves one
    mark (S4.5). The host's cancellation is neither: it passes through (S4.4).
    """
    for guard in call.guards:
        try:
            reason = guard.callable(request, context)
        except HostCancellation:
            raise
        except Failure as error:
            _mark_failure(call, "guard", guard.name, error, context, leaves_marks)
            raise
        if reason is not None:
            if leaves_marks:
                _mark_refusal(call, guard.name, reason, context)
            raise rejected(reason)


def rewrite(
    call: Call, request: Any, context: Context, leaves_marks: bool
) -> tuple[Any, list[PendingMark]]:
    """Request intercepts get one private copy, and what one returns goes on (S3.10, S3.11)."""
    marks: list[PendingMark] = []
    if not call.request_intercepts:
        return request, marks
    request = private_copy(request)
    step, registration = "codec", None
    annotated, is_annotated = None, False
    try:
        if call.codec is not None:
            annotated = call.codec.decode("request", request, context)
        for intercept in call.request_intercepts:
            step, registration = "request_intercept", intercept.name
            outcome = intercept.callable(request, context, annotated)
            request = _checked_request(call, intercept.name, request, outcome.value)
            if call.codec is not None and outcome.annotated is not None:
                annotated, is_annotated = outcome.annotated, True
            marks += outcome.marks
            if intercept.breaks_chain:
                break
        if call.codec is not None and is_annotated:  # S4.11: nothing edited, nothing encoded
            step, registration = "codec", None
            request = call.codec.encode_request(request, annotated, call.name, context)
    except HostCancellation:
        raise
    except Failure as error:
        _mark_failure(call, step, registration, error, context, leaves_marks)
        raise
    return request, marks


def _checked_request(call: Call, registration: str, got: Any, returned: Any) -> Any:
    """A forgotten `return`, and what is no request, are told at once (S3.11)."""
    title = REGISTRIES[f"{call.kind}_request_intercept"].title
    if returned is None and got is not None:
        raise returned_nothing(title, registration, call.name)
    if call.kind == "llm" and not isinstance(returned, LLMRequest):
        raise returned_no_request(f"{title} '{registration}'", call.name)
    return returned


def _mark_refusal(call: Call, guardrail: str, reason: str, context: Context) -> None:
    def describe(draft: Draft, held: Held) -> None:
        text = sanitizing.shown_text(call, "GuardrailRejected", reason, draft, held, context)
        draft.data = call.runtime.text(events.refusal(text, guardrail))

    _mark_here(call, context, "guardrail", describe)


def _mark_failure(
    call: Call,
    step: str,
    registration: str | None,
    error: Failure,
    context: Context,
    leaves_marks: bool,
) -> None:
    def describe(draft: Draft, held: Held) -> None:
        text = sanitizing.shown_text(call, error.type_name, str(error), draft, held, context)
        draft.data = call.runtime.text(events.failed_step(step, registration, error, text))

    if leaves_marks:
        _mark_here(call, context, call.kind, describe)


def _mark_here(call: Call, context: Context, category: str, describe: Describe) -> None:
    """Where the call would have been: none is in a runtime that a callback has closed (S6.1)."""
    if not call.runtime.is_closed:
        place = call.place
        call.runtime.mark(
            context,
            place.parent,
            place.inherits,
            call.name,
            describe,
            category=category,
            can_await=call.can_await,
        )


# From the start event to the end event


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

    def describe(draft: Draft, held: Held) -> None:
        if response is not ABSENT:
            sanitizing.show_response(call, response, None, draft, held, context)
        if error is not None:
            sanitizing.show_error(call, error, draft, held, context)

    status = events.success() if error is None else events.failure(error)
    call.runtime.end(
        span, context, describe, {**status, **(facts or {})}, time, can_await=call.can_await
    )
    if not call.runtime.is_closed:
        call.runtime.emit_pending(span, context, call.can_await)


# Helpers that stand alone


def request_intercepts(
    runtime: Runtime,
    context: Context,
    kind: str,
    name: str | bytes,
    request: Any,
    flags: Iterable[str] | int = (),
) -> Any:
    """Only the request intercepts, without a span, a mark or an event (S4.9)."""
    call = _alone(runtime, context, kind, name, flags, "rewrite")
    return rewrite(call, request, context, leaves_marks=False)[0]


def conditional_execution(
    runtime: Runtime,
    context: Context,
    kind: str,
    name: str | bytes,
    request: Any,
    flags: Iterable[str] | int = (),
) -> None:
    """Only the guards, likewise (S4.9)."""
    call = _alone(runtime, context, kind, name, flags, "guard")
    ask_guards(call, request, context, leaves_marks=False)


def _alone(
    runtime: Runtime,
    context: Context,
    kind: str,
    name: str | bytes,
    flags: Iterable[str] | int,
    use: str,
) -> Call:
    name = checked_text("the name", name)
    is_sync = "sync" in checked_flags("flags", flags, CALL_FLAGS)
    return begin(runtime, context, kind, name, None, is_sync, refuses=(use,))
