"""The operations on scopes, as an application calls them (S1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import events, payload
from .arguments import checked_choice, checked_flags, checked_text
from .emission import Watch
from .errors import Failure, Held, RuntimeFailure
from .events import Draft
from .execution import check_mark
from .middleware import START_SANITIZER
from .runtime import ABSENT, Runtime
from .scopes import SCOPE_ATTRIBUTES, SCOPE_TYPES, Context, Scope

END_STATUSES = ("unset", "ok", "error", "cancelled")
POP_FLAGS = {"close": 1}


def push(
    runtime: Runtime,
    context: Context,
    name: str | bytes,
    type: str | int,
    parent: Scope | None = None,
    attributes: Iterable[str] | int = (),
    subtype: str | bytes | None = None,
    metadata: Any = ABSENT,
    input: Any = ABSENT,
    timestamp: int | None = None,
) -> Scope:
    """Opens a scope, which becomes current in its context (S1.4)."""
    name = checked_text("the name", name)
    type = checked_choice("the type", type, SCOPE_TYPES)
    attributes = checked_flags("attributes", attributes, SCOPE_ATTRIBUTES)
    if subtype is not None and type != "custom":
        raise RuntimeFailure("invalid_argument", f"a {type} scope has no subtype")
    if type == "custom":  # S1.1
        subtype = checked_text("the subtype", name if subtype is None else subtype)
    runtime.check_open()
    runtime.check_parent(parent)

    runtime.emit_owed(context)
    scope = runtime.open(context.place(parent), name, type, attributes, metadata, timestamp)
    scope.subtype = subtype or ""
    try:
        _emit_start(runtime, scope, input, context)
    except Failure:
        runtime.let_go(scope)  # S5.2: a subscriber's exit is raised, so nobody gets the handle
        raise
    context.value = scope
    return scope


def _emit_start(runtime: Runtime, scope: Scope, data: Any, context: Context) -> None:
    if watch := Watch.of(runtime, START_SANITIZER, scope):
        runtime.emitter.begin_start(scope.uuid)
        draft = events.scope_draft(scope, "start", scope.started_at)
        draft.data, draft.metadata = runtime.text(data), runtime.text(scope.metadata)
        watch.emit(draft, context, can_await=False)


def pop(
    runtime: Runtime,
    context: Context,
    scope: Scope,
    flags: Iterable[str] | int = (),
    output: Any = ABSENT,
    metadata: Any = ABSENT,
    status: str | int = "unset",
    error: Failure | None = None,
    timestamp: int | None = None,
) -> None:
    """Ends a scope, in whatever context it was opened (S1.6)."""
    closes = "close" in checked_flags("flags", flags, POP_FLAGS)
    if scope.parent is not None and not scope.is_open and closes:
        return context.restore_after(scope)  # also of a closed runtime (decisions.md, 21)
    runtime.check_open()
    status = checked_choice("the status", status, END_STATUSES)
    if scope.parent is None:
        raise RuntimeFailure("invalid_argument", "the root cannot be ended")
    if not scope.is_open:
        raise RuntimeFailure("not_found", f"{scope.name} has ended")
    if not closes and context.holds_open_descendant(scope):
        raise RuntimeFailure("invalid_argument", f"{scope.name} has an open descendant here")
    check_end_time(scope, timestamp)

    def describe(draft: Draft, _: Held) -> None:
        draft.data, draft.end_metadata = runtime.text(output), runtime.text(metadata)
        if "otel.status_code" in facts and error is not None and status != "ok":
            # S3.6: this text passes event sanitizers only
            draft.facts["otel.status_description"] = payload.quote(str(error))

    runtime.emit_owed(context)
    facts = manual_status(status, error)
    if not scope.is_open:  # A subscriber of what was owed has ended it.
        return context.restore_after(scope)
    runtime.end(scope, context, describe, facts, timestamp)
    return None


def event(
    runtime: Runtime,
    context: Context,
    name: str | bytes,
    parent: Scope | None = None,
    data: Any = ABSENT,
    metadata: Any = ABSENT,
    category: str | bytes | None = None,
    category_profile: Any = ABSENT,
    data_schema: Any = ABSENT,
    timestamp: int | None = None,
) -> None:
    """A mark under the given or the current scope."""
    name = checked_text("the name", name)
    category = None if category is None else checked_text("the category", category)
    runtime.check_open()
    runtime.check_parent(parent)
    check_mark(category_profile, data_schema)

    def describe(draft: Draft, _: Held) -> None:
        draft.data, draft.metadata = runtime.text(data), runtime.text(metadata)
        draft.data_schema = runtime.text(data_schema)
        draft.profile = runtime.text(category_profile)

    runtime.emit_owed(context)
    place = context.place(parent)
    runtime.mark(context, place.parent, place.inherits, name, describe, timestamp, category)


def flush(runtime: Runtime, context: Context) -> None:
    """Delivers what is still owed (S1.12)."""
    runtime.emit_owed(context)


def check_end_time(scope: Scope, timestamp: int | None) -> None:
    """An explicit end is not before its start (S2.3)."""
    if timestamp is not None and timestamp < scope.started_at:
        raise RuntimeFailure("invalid_argument", f"{scope.name} would end before its start")


def manual_status(status: str, error: Failure | None) -> events.Members:
    """The status of a manual end: what is given, and nothing when nothing is (S2.4)."""
    if status == "ok":
        return events.success()
    if status == "cancelled":
        return events.failure(error, kind="cancelled")
    if status == "error" or error is not None:
        return events.failure(error)
    return {}
