"""Execution intercepts around the target of a call (S3.7)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import payload
from .errors import (
    Failure,
    Held,
    HostCancellation,
    RuntimeFailure,
    no_longer_active,
    no_longer_active_in_c,
)
from .events import Draft
from .runtime import ABSENT
from .scopes import Context, Scope

if TYPE_CHECKING:
    from . import native
    from .admission import Call


@dataclass(frozen=True)
class PendingMark:
    """A mark that an intercept leaves with its outcome (S3.11)."""

    name: str
    data: Any
    metadata: Any
    profile: Any
    data_schema: Any
    category: str | None

    def __post_init__(self) -> None:
        check_mark(self.profile, self.data_schema)


def check_mark(profile: Any, data_schema: Any) -> None:
    """A mark has these as objects or not at all (S2.1)."""
    for what, value in (("category profile", profile), ("data schema", data_schema)):
        if value is not ABSENT and value is not None and not isinstance(value, dict):
            message = f"invalid argument: the {what} of a mark must be an object"
            raise RuntimeFailure("invalid_argument", message)


@dataclass(frozen=True)
class Outcome:
    """What an intercept returns: a request or a result, an annotated form, pending marks."""

    value: Any
    annotated: Any = None
    marks: list[PendingMark] = field(default_factory=list)


@dataclass(frozen=True)
class Annotated:
    """A tool's result with what else is to be known of it."""

    result: Any
    annotation: Any


# A target gets the call's span, which is current in the context while it runs (S4.6).
Target = Callable[[Any, Scope, Context], Any]
Next = Callable[[Any, Context], Any]


@dataclass(eq=False)
class Execution:
    """One run of the intercepts and the target, from the start event to the result."""

    call: Call
    span: Scope
    started_with: Any  # the request of the start event
    target: Target
    reached: int = 0  # how often the target was
    is_dropped: bool = False  # the stream that came of it was

    def run(self, request: Any, context: Context) -> Any:
        """The lowest priority is outermost (S3.2); the span is current, until the caller of this
        restores what was (S4.6)."""
        return self._link(0, request, context, self.call.place.opened_over)

    def _link(self, i: int, request: Any, context: Context, before: Scope) -> Any:
        """An intercept, or behind the last one the target. `before` is the value that the context
        had where the call, or the `next`, began."""
        if i == len(self.call.execution_intercepts):
            return self._reach(request, context)
        registration = self.call.execution_intercepts[i]
        if registration.is_native:
            return self._around(i, registration.callable, request, context, before)
        context.value = self.span
        is_active = True

        def next(request: Any, context: Context) -> Any:
            """May be used until the intercept returns, that of a stream while the call goes on
            (S3.7): a generator does its work later."""
            goes_on = is_active or (self.call.is_stream and not self.is_dropped)
            if not goes_on or not self.span.is_open:
                raise no_longer_active(registration.name)
            return self._below(i + 1, request, context)

        try:
            outcome = registration.callable(request, context, next)
        finally:
            is_active = False
        self.span.pending_marks += outcome.marks
        return outcome.value

    def _around(
        self,
        i: int,
        intercept: native.ExecutionIntercept,
        request: Any,
        context: Context,
        before: Scope,
    ) -> Any:
        """Asked before and after the rest of the chain (ADR 0020). Only for the host's functions is
        the span current (decisions.md, 43)."""
        verdict = intercept.before(request, context)
        if verdict.kind == "short_circuit":
            return verdict.value
        given = verdict.value if verdict.kind == "replace" else request
        for attempt in itertools.count(1):
            result, error = self._attempt(i + 1, given, context, before)
            verdict = intercept.after(request, context, result, error, attempt)
            if verdict.kind != "retry":
                break
            if not self.span.is_open:  # as a `next` (S3.7)
                raise no_longer_active_in_c()
            given = verdict.value if verdict.has_value else given
        if verdict.kind == "replace":
            return verdict.value
        if error is not None:
            raise error
        return result

    def _attempt(
        self, i: int, request: Any, context: Context, before: Scope
    ) -> tuple[Any, Failure | None]:
        """What came of the rest of the chain. A cancellation is nobody's affair."""
        try:
            return self._link(i, request, context, before), None
        except HostCancellation:
            raise
        except Failure as error:
            return None, error
        finally:
            self._go_back(context, before)

    def _below(self, i: int, request: Any, context: Context) -> Any:
        """Whatever the intercept made current, the span is it further in (decisions.md, 3)."""
        before = context.value
        try:
            return self._link(i, request, context, before)
        finally:
            self._go_back(context, before)

    def _go_back(self, context: Context, before: Scope) -> None:
        if context.value is self.span:
            context.value = before.nearest_in_force()

    def _reach(self, request: Any, context: Context) -> Any:
        """From the second time on, and with a request that observers do not know, it is told."""
        self.reached += 1
        if self.reached > 1 or request is not self.started_with:
            self._mark_attempt(context)
        context.value = self.span
        return self.target(request, self.span, context)

    def _mark_attempt(self, context: Context) -> None:
        text = payload.encode({"n": self.reached})

        def describe(draft: Draft, _: Held) -> None:
            draft.data = text

        self.call.mark("attempt", self.span, context, describe)
