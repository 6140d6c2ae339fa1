"""Subscribers: who is served when, and what becomes of their errors (S5)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from .errors import Failure, Held
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


Emission = tuple[Event, list[Registration]]  # an event, and who gets it
Maker = Callable[[Held], Emission]  # what an event becomes when its turn has come


@dataclass
class Start:
    """One that has not reached everybody yet."""

    is_made: bool = False
    early: list[Emission] = field(default_factory=list)  # what is to follow it


@dataclass
class Emitter:
    """A thread's place for events: one is served at a time, the others wait (S5.1)."""

    stats: Stats
    is_serving: bool = False
    aside: list[Emission] = field(default_factory=list)  # emitted by those who are being served
    waiting_count: int = 0
    starts: dict[str, Start] = field(default_factory=dict)  # by the uuids of their scopes

    def begin_start(self, scope_uuid: str) -> None:
        """From now on nothing overtakes that start: no end, and no mark in the scope (S4.3)."""
        self.starts[scope_uuid] = Start()

    def emit(self, makers: list[Maker], context: Context) -> None:
        """Delivers events to those who were resolved for them at their emission (S3.4, S5.1).

        What a subscriber emits meanwhile waits until everybody had the current one, and behind
        what was there already. A cancellation that a subscriber let through is raised when all is
        delivered (S5.2).
        """
        queue, held = deque(makers), Held()
        while queue:
            emission = queue.popleft()(held)
            if self._is_left_with_start(emission):
                continue
            if self.is_serving:
                self._put_aside(emission, queue)
                continue
            self.is_serving = True
            self._serve(*emission, context, held)
            self.is_serving = False
            self._follow(emission, queue)
            queue.extend(partial(self._take, emission) for emission in self.aside)
            self.aside.clear()
        held.release()

    def _is_left_with_start(self, emission: Emission) -> bool:
        """What is put aside stands behind the start, if that has been put aside as well."""
        event, _ = emission
        start = self.starts.get(event.scope_uuid)
        if start is None:
            return False
        if event.is_start:
            start.is_made = True
            return False
        if start.is_made and self.is_serving:
            return False
        start.early.append(emission)
        return True

    def _follow(self, emission: Emission, queue: deque[Maker]) -> None:
        event, _ = emission
        if event.is_start:
            early = self.starts.pop(event.scope_uuid).early
            queue.extendleft(partial(_as_it_is, emission) for emission in reversed(early))

    def _put_aside(self, emission: Emission, queue: deque[Maker]) -> None:
        if self.waiting_count == WAITING_LIMIT:
            self.stats.dropped_event_count += 1
            self._follow(emission, queue)
            return
        self.waiting_count += 1
        self.aside.append(emission)

    def _take(self, emission: Emission, _: Held) -> Emission:
        self.waiting_count -= 1
        return emission

    def _serve(
        self, event: Event, subscribers: list[Registration], context: Context, held: Held
    ) -> None:
        """Hands one event to everybody; an error concerns nobody else (S5.2)."""
        if event.kind == "scope":
            self.stats.scope_event_count += 1
        else:
            self.stats.mark_event_count += 1
        for subscriber in subscribers:
            try:
                with held:
                    subscriber.callable(event, context)
            except Failure:
                self.stats.subscriber_error_count += 1


def _as_it_is(emission: Emission, _: Held) -> Emission:
    return emission
