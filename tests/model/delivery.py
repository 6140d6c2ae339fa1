"""Subscribers: who is served when, and what becomes of their errors (S5)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from .errors import Failure, HostCancellation
from .events import Event
from .middleware import Registration
from .scopes import Context

WAITING_LIMIT = 1_024  # S5.1


@dataclass
class Stats:
    """What `runtime.stats()` counts (S5.7)."""

    scope_event_count: int = 0
    mark_event_count: int = 0
    subscriber_error_count: int = 0
    withheld_payload_count: int = 0
    dropped_event_count: int = 0
    abandoned_scope_count: int = 0


@dataclass
class Emitter:
    """A thread's place for events: one is served at a time, the others wait (S5.1)."""

    stats: Stats
    is_serving: bool = False
    waiting: deque[tuple[Event, list[Registration]]] = field(default_factory=deque)

    def emit(self, event: Event, subscribers: list[Registration], context: Context) -> None:
        """Delivers an event to those who were resolved for it at its emission (S3.4, S5.1).

        What a subscriber emits meanwhile waits until everybody had the current one. A cancellation
        that a subscriber let through is raised when all is delivered (S5.2).
        """
        if self.is_serving and len(self.waiting) == WAITING_LIMIT:
            self.stats.dropped_event_count += 1
            return
        self.waiting.append((event, subscribers))
        if self.is_serving:
            return
        self.is_serving = True
        held: HostCancellation | None = None
        while self.waiting:
            cancellation = self._serve(*self.waiting.popleft(), context)
            held = held or cancellation
        self.is_serving = False
        if held is not None:
            raise held

    def _serve(
        self, event: Event, subscribers: list[Registration], context: Context
    ) -> HostCancellation | None:
        """Hands one event to everybody; an error concerns nobody else (S5.2)."""
        if event.kind == "scope":
            self.stats.scope_event_count += 1
        else:
            self.stats.mark_event_count += 1
        held: HostCancellation | None = None
        for subscriber in subscribers:
            try:
                subscriber.callable(event, context)
            except HostCancellation as cancellation:
                held = held or cancellation
            except Failure:
                self.stats.subscriber_error_count += 1
        return held
