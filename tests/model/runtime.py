"""A runtime: its ids and clock, its registries, and how events come out of it (S1, S2.3, S6.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from . import events, payload
from .arguments import checked_text
from .delivery import Emitter, Maker, Stats
from .emission import Watch
from .errors import Held, RuntimeFailure, closed
from .events import Draft
from .middleware import (
    END_SANITIZER,
    GATE,
    MARK_SANITIZER,
    NUMBERS,
    REGISTRIES,
    Owner,
    Registration,
    chain,
)
from .requests import CREDENTIAL_HEADERS
from .scopes import Context, Place, Scope

LEAST_DURATION_NS = 1_000  # S2.3: an end is later than its start


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()  # a payload that was not given, unlike null (S2.5)

# Tells the rest of an event, if anybody listens (S5.4); cancellations in it are held.
Describe = Callable[[Draft, Held], None]


def nothing_more(draft: Draft, held: Held) -> None:
    """Of an event that has no payload."""


@dataclass(eq=False)
class Runtime:
    """A deterministic runtime that writes the canonical form, as all vectors want it."""

    clock_start: int = 1_767_225_600_000_000_000
    clock_step: int = 1_000_000
    payload_budget: int = payload.DEFAULT_BUDGET
    credential_headers: tuple[str, ...] = CREDENTIAL_HEADERS
    everywhere: Owner = field(default_factory=Owner)
    stats: Stats = field(default_factory=Stats)

    def __post_init__(self) -> None:
        self.drawn_ids = 0
        self.clock_reads = 0
        self.is_closed = False
        self.emitter = Emitter(self.stats)
        self.opened: list[Scope] = []  # in the order in which they were opened (S6.1)
        self.abandoned: list[tuple[Scope, int]] = []  # and when they were let go (S1.12)
        self.root = Scope(self, self.draw_uuid(), "root", "agent", parent=None)  # S1.3

    # Draws (S2.2, S2.3)

    def draw_uuid(self) -> str:
        text = f"01900000-0000-7000-8000-{self.drawn_ids:012x}"
        self.drawn_ids += 1
        return text

    def read_clock(self) -> int:
        time = self.clock_start + self.clock_reads * self.clock_step
        self.clock_reads += 1
        return time

    def end_time(self, scope: Scope, given: int | None) -> int:
        """When a scope ended: later than its start, whatever the clock says (S2.3)."""
        time = self.read_clock() if given is None else given
        return time if time > scope.started_at else scope.started_at + LEAST_DURATION_NS

    # Middleware

    def register(
        self,
        owner: Owner,
        registry: str,
        name: str | bytes,
        callable: Callable[..., Any],
        priority: int = 0,
        is_async: bool = False,
        breaks_chain: bool = False,
        kinds: int = 0,
        registration: str | bytes = "",
        is_native: bool = False,
    ) -> None:
        """Registers on a scope, or everywhere (S3.1); not on what has ended (S1.7)."""
        assert REGISTRIES[registry].has_priority or priority == 0
        if is_native and "_stream_" in registry:  # ADR 0020: a stream is the host's own iterator
            raise RuntimeFailure("invalid_argument", f"no {registry} can be in C")
        if breaks_chain and not registry.endswith("_request_intercept"):
            raise RuntimeFailure("invalid_argument", f"a {registry} breaks no chain")
        self.check_open()
        name = checked_text("the name", name)
        if isinstance(owner, Scope) and not owner.is_open:
            raise RuntimeFailure("not_found", f"{owner.name} has ended")
        if registry == GATE and not 0 < kinds < 1 << len(NUMBERS):
            raise RuntimeFailure("invalid_argument", f"kinds {kinds} are not known")
        concerns = checked_text("the registration", registration)
        made = Registration(
            name, callable, priority, is_async, breaks_chain, kinds, is_native, concerns
        )
        owner.register(registry, made)

    def deregister(self, owner: Owner, registry: str, name: str) -> bool:
        """Whether the name was known (S3.3); it may have outlived its scope (S1.7)."""
        return owner.deregister(registry, name)

    def chain(self, registry: str, scope: Scope) -> list[Registration]:
        """What of a registry applies to a scope (S3.2)."""
        return chain(registry, self.everywhere, scope)

    def new_root(self) -> Scope:
        """A root of its own for a context: one id is drawn, nothing is emitted (S1.3)."""
        self.check_open()
        return Scope(self, self.draw_uuid(), "root", "agent", parent=None)

    # What the operations are made of

    def check_open(self) -> None:
        """A closed runtime does nothing any more (S6.1)."""
        if self.is_closed:
            raise closed()

    def check_parent(self, parent: Scope | None) -> None:
        """An explicit parent has to be open and of this runtime (S1.4)."""
        if parent is not None and (not parent.is_open or parent.runtime is not self):
            raise RuntimeFailure("invalid_argument", f"{parent.name} cannot be a parent")

    def open(
        self,
        place: Place,
        name: str,
        type: str,
        attributes: Iterable[str],
        metadata: Any,
        timestamp: int | None,
    ) -> Scope:
        """A scope or the span of a call: one uuid, then one clock read, heard or not (S2.3)."""
        scope = Scope(
            runtime=self,
            uuid=self.draw_uuid(),
            name=name,
            type=type,
            parent=place.parent,
            opened_over=place.opened_over,
            inherits=place.inherits,
            detached_from=place.detached_from,
            attributes=frozenset(attributes),
            metadata=metadata,
        )
        scope.started_at = self.read_clock() if timestamp is None else timestamp
        place.parent.open_children.add(scope)
        self.opened.append(scope)
        return scope

    def end(
        self,
        scope: Scope,
        context: Context,
        describe: Describe = nothing_more,
        facts: events.Members | None = None,
        timestamp: int | None = None,
        can_await: bool = False,
    ) -> None:
        """Ends a scope or call: its one end event, then its pending marks (S4.3, S3.11)."""
        if scope.is_open:  # else a target has ended its own call
            time = self.settle(scope, context, timestamp)
            self.tell_end(scope, time, context, describe, facts, can_await)

    def settle(self, scope: Scope, context: Context, timestamp: int | None = None) -> int:
        """From now on it has ended; returns when."""
        time = self.end_time(scope, timestamp)
        scope.end()
        context.restore_after(scope)  # before anybody hears of it (ADR 0011)
        self.let_go_with(scope.parent)
        return time

    def tell_end(
        self,
        scope: Scope,
        time: int,
        context: Context,
        describe: Describe = nothing_more,
        facts: events.Members | None = None,
        can_await: bool = False,
    ) -> None:
        """The end event, and the pending marks."""
        held = Held()
        with held:
            if watch := Watch.of(self, END_SANITIZER, scope):
                draft = self.end_draft(scope, time, facts)
                describe(draft, held)
                if draft.data == "null":  # S2.5: null is told from nothing
                    draft.facts["data.null"] = "true"
                watch.emit(draft, context, can_await)
        with held:
            self.emit_pending(scope, context, can_await)
        held.release()

    def end_draft(self, scope: Scope, time: int, facts: events.Members | None) -> Draft:
        draft = events.scope_draft(scope, "end", time)
        draft.follows = scope.uuid
        draft.facts |= {**scope.stream_facts, **(facts or {})}
        draft.metadata = self.text(scope.metadata)
        return draft

    def emit_pending(self, span: Scope, context: Context, can_await: bool) -> None:
        """The marks that intercepts left with a call, as its children and in order (S3.11)."""
        held = Held()
        while span.pending_marks:
            with held:
                if made := self.pending_draft(span):
                    watch, draft = made
                    watch.emit(draft, context, can_await)
        held.release()

    def pending_draft(self, span: Scope) -> tuple[Watch, Draft] | None:
        """Of the next mark that was left with the call, if anybody listens."""
        mark = span.pending_marks.pop(0)
        made = self.mark_draft(span, span, mark.name, category=mark.category)
        if made is not None:
            _, draft = made
            draft.data, draft.metadata = self.text(mark.data), self.text(mark.metadata)
            draft.data_schema = self.text(mark.data_schema)
            draft.profile = self.text(mark.profile)
            draft.follows = span.uuid
        return made

    def mark(
        self,
        context: Context,
        parent: Scope,
        of: Scope,
        name: str,
        describe: Describe,
        timestamp: int | None = None,
        category: str | None = None,
        can_await: bool = False,
    ) -> None:
        """Builds and emits a mark."""
        if (made := self.mark_draft(parent, of, name, timestamp, category)) is None:
            return
        watch, draft = made
        held = Held()
        describe(draft, held)
        with held:
            watch.emit(draft, context, can_await)
        held.release()

    def mark_draft(
        self,
        parent: Scope,
        of: Scope,
        name: str,
        timestamp: int | None = None,
        category: str | None = None,
    ) -> tuple[Watch, Draft] | None:
        """Unheard it draws nothing (S2.3, S5.4).

        `of` is the scope whose middleware is in force: what the context's value registered is,
        whether that has ended or not (S1.7, S5.3). The draws come before the sanitizers run, as
        those of an end do (decisions.md, 2).
        """
        watch = Watch.of(self, MARK_SANITIZER, of)
        if watch is None:
            return None
        uuid = self.draw_uuid()
        time = self.read_clock() if timestamp is None else timestamp
        return watch, Draft("mark", parent.uuid, uuid, time, name, category)

    def text(self, value: Any) -> str | None:
        """The JSON text of a payload that was given, each within its own budget (S2.6)."""
        return None if value is ABSENT else payload.encode(value, self.payload_budget)

    # Forgotten work (S1.12), and the end of all work (S6.1)

    def let_go(self, scope: Scope) -> None:
        """Nobody holds the handle any more, nor a context."""
        scope.is_let_go = True
        self.let_go_with(scope)

    def let_go_with(self, scope: Scope | None) -> None:
        """Notes the time at which neither handle, context nor open descendant holds a scope."""
        if scope and scope.is_let_go and scope.is_open and not scope.open_children:
            self.note_abandoned(scope)

    def note_abandoned(self, scope: Scope) -> None:
        """Its end is owed from here on, and bears this time."""
        if scope.is_open and all(scope is not noted for noted, _ in self.abandoned):
            self.abandoned.append((scope, self.read_clock()))

    def emit_owed(self, context: Context) -> None:
        """Ends what was forgotten: the next operation that can deliver does it first.

        One that is refused does not, for it changes nothing (S7.3). Nothing can be awaited here,
        whoever drains it (decisions.md, 8). All that is owed is made at once, and stands before
        what subscribers emit meanwhile.
        """
        owed: list[Maker] = []
        while self.abandoned:
            scope, noted = self.abandoned.pop(0)
            self.stats.abandoned_scope_count += 1
            if scope.is_open:
                owed += self.abandoned_makers(scope, self.settle(scope, context, noted), context)
        self.emitter.emit(owed, context)

    def abandoned_makers(self, scope: Scope, time: int, context: Context) -> list[Maker]:
        """The end event, and the pending marks."""
        made: list[tuple[Watch, Draft] | None] = []
        if watch := Watch.of(self, END_SANITIZER, scope):
            facts = events.failure(kind="abandoned")
            made.append((watch, self.end_draft(scope, time, facts)))
        while scope.pending_marks:
            made.append(self.pending_draft(scope))
        return [watch.maker(draft, context) for watch, draft in filter(None, made)]

    def close(self, context: Context) -> None:
        """Ends what is open, the latest opened first; nothing can be done from then on (S6.1).

        What somebody holds is not counted as abandoned (decisions.md, 20).
        """
        if self.is_closed:
            return
        held = Held()
        with held:
            self.emit_owed(context)
        self.is_closed = True
        open_ones = [scope for scope in reversed(self.opened) if scope.is_open]
        ended = [(scope, self.settle(scope, context)) for scope in open_ones]
        with held:  # nobody hears of one while another is still open
            makers = [self.abandoned_makers(scope, time, context) for scope, time in ended]
            self.emitter.emit([maker for of_one in makers for maker in of_one], context)
        held.release()
