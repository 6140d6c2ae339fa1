"""Execution intercepts around the target of a call (S3.7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import payload
from .errors import Held, no_longer_active
from .events import Draft
from .scopes import Context, Scope

if TYPE_CHECKING:
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
        context.value = self.span
        return self._link(0, request, context)

    def _link(self, i: int, request: Any, context: Context) -> Any:
        """An intercept, or behind the last one the target."""
        if i == len(self.call.execution_intercepts):
            return self._reach(request, context)
        registration = self.call.execution_intercepts[i]
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

    def _below(self, i: int, request: Any, context: Context) -> Any:
        """Whatever the intercept made current, the span is it further in (decisions.md, 3)."""
        before = context.value
        context.value = self.span
        try:
            return self._link(i, request, context)
        finally:
            if context.value is self.span:
                context.value = before.nearest_in_force()

    def _reach(self, request: Any, context: Context) -> Any:
        """From the second time on, and with a request that observers do not know, it is told."""
        self.reached += 1
        if self.reached > 1 or request is not self.started_with:
            self._mark_attempt(context)
        return self.target(request, self.span, context)

    def _mark_attempt(self, context: Context) -> None:
        text = payload.encode({"n": self.reached})

        def describe(draft: Draft, _: Held) -> None:
            draft.data = text

        self.call.mark("attempt", self.span, context, describe)
