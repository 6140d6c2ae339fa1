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

    place: object = None  # the row or the emitter that it stands in, once it is made
    early: list[Emission] = field(default_factory=list)  # what is to follow it


@dataclass
class Emitter:
    """A thread's place for events: one is served at a time, the others wait (S5.1)."""

    stats: Stats
    serving: deque[Maker] | None = None  # the row of the one that is being served
    aside: list[Emission] = field(default_factory=list)  # emitted by those who are being served
    waiting_count: int = 0
    starts: dict[str, Start] = field(default_factory=dict)  # of all threads, by uuids of scopes

    def begin_start(self, scope_uuid: str) -> None:
        """From now on no end overtakes that start, nor what comes after the end (S4.3)."""
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
            self._place(emission, queue)
            if self._is_left_with_start(emission):
                continue
            if self.serving is not None:
                self._put_aside(emission, queue)
                continue
            self.serving = queue
            self._serve(*emission, context, held)
            self.serving = None
            self._follow(emission, queue)
            for emission in self.aside:
                self._place(emission, queue)
                queue.append(partial(self._take, emission))
            self.aside.clear()
        held.release()

    def _place(self, emission: Emission, place: object) -> None:
        event, _ = emission
        if event.starts:
            self.starts[event.starts].place = place

    def _is_left_with_start(self, emission: Emission) -> bool:
        """What is put aside stands behind the start, if that has been put aside as well."""
        event, _ = emission
        start = self.starts.get(event.follows or "")
        is_behind = start is not None and any(
            start.place is place for place in (self, self.serving)
        )
        if start is None or (self.serving is not None and is_behind):
            return False
        start.early.append(emission)
        return True

    def _follow(self, emission: Emission, queue: deque[Maker]) -> None:
        event, _ = emission
        if event.starts:
            early = self.starts.pop(event.starts).early
            queue.extendleft(partial(_as_it_is, emission) for emission in reversed(early))

    def _put_aside(self, emission: Emission, queue: deque[Maker]) -> None:
        if self.waiting_count == WAITING_LIMIT:
            self.stats.dropped_event_count += 1
            self._follow(emission, queue)
            return
        self.waiting_count += 1
        self._place(emission, self)
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
