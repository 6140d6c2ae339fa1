"""Calls that the application runs by itself (S4.8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import sanitizing
from .admission import begin
from .arguments import checked_choice, checked_flags, checked_text
from .calls import ATTRIBUTES, checked_ids, emit_start, open_span
from .codecs import Codec
from .errors import Failure, Held, RuntimeFailure
from .events import Draft
from .operations import END_STATUSES, check_end_time, manual_status
from .runtime import ABSENT, Runtime
from .scopes import Context, Scope


def call(
    runtime: Runtime,
    context: Context,
    kind: str,
    name: str | bytes,
    request: Any,
    parent: Scope | None = None,
    attributes: Iterable[str] | int = (),
    tool_call_id: str | bytes | None = None,
    model_name: str | bytes | None = None,
    metadata: Any = ABSENT,
    timestamp: int | None = None,
    annotated_request: Any = None,
    codec: Codec | None = None,
) -> Scope:
    """Begins one: its start event goes through the same sanitizers. It does not become current."""
    name = checked_text("the name", name)
    attributes = checked_flags("attributes", attributes, ATTRIBUTES[kind])
    ids = checked_ids(tool_call_id, model_name)
    begun = begin(runtime, context, kind, name, parent, is_sync=True, refuses=(), codec=codec)
    begun.annotated = annotated_request
    span = open_span(begun, attributes, ids, metadata, timestamp)
    span.is_manual = True
    try:
        emit_start(begun, span, request, context)
    except Failure:
        runtime.let_go(span)  # what is raised takes the handle's place, as when a scope opens
        raise
    return span


def call_end(
    runtime: Runtime,
    context: Context,
    kind: str,
    span: Scope,
    response: Any = ABSENT,
    data: Any = ABSENT,
    metadata: Any = ABSENT,
    status: str | int = "unset",
    error: Failure | None = None,
    timestamp: int | None = None,
    annotation: Any = None,
    annotated_response: Any = None,
    response_codec: Codec | None = None,
) -> None:
    """Ends it, once; without `status` and `error` nothing is said of how (S2.4)."""
    runtime.check_open()
    status = checked_choice("the status", status, END_STATUSES)
    if not span.is_manual or span.type != kind or span.call is None:
        raise RuntimeFailure("invalid_argument", f"{span.name} is no {kind} call of this kind")
    if not span.is_open:
        raise RuntimeFailure("not_found", f"{span.name} has ended")
    check_end_time(span, timestamp)

    begun = span.call
    begun.response_codec = response_codec
    facts = manual_status(status, error)
    has_failed = facts.get("otel.status_code") == '"ERROR"'
    shown = data if response is ABSENT and not has_failed else response  # S2.5

    supplied = annotation if kind == "tool" else annotated_response

    def describe(draft: Draft, held: Held) -> None:
        draft.end_metadata = runtime.text(metadata)
        if shown is not ABSENT:
            sanitizing.show_response(begun, shown, supplied, draft, held, context)
        if error is not None and has_failed:
            sanitizing.show_error(begun, error, draft, held, context)

    runtime.emit_owed(context)
    runtime.end(span, context, describe, facts, timestamp)
