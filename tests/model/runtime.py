"""A runtime: its ids, its clock, and the operations on scopes (S1, S2.3, S6.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from . import events, payload
from .arguments import checked_choice, checked_flags, checked_text
from .delivery import Emitter, Stats
from .errors import Failure, RuntimeFailure
from .middleware import REGISTRIES, SUBSCRIBER, Owner, Registration, chain
from .scopes import SCOPE_ATTRIBUTES, SCOPE_TYPES, Context, Place, Scope

END_STATUSES = ("unset", "ok", "error", "cancelled")
POP_FLAGS = {"close": 1}
LEAST_DURATION_NS = 1_000  # S2.3: an end is later than its start


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()  # a payload that was not given, unlike null (S2.5)


@dataclass(eq=False)
class Runtime:
    """A deterministic runtime that writes the canonical form, as all vectors want it."""

    clock_start: int = 1_767_225_600_000_000_000
    clock_step: int = 1_000_000
    payload_budget: int = payload.DEFAULT_BUDGET
    everywhere: Owner = field(default_factory=Owner)
    stats: Stats = field(default_factory=Stats)

    def __post_init__(self) -> None:
        self.drawn_ids = 0
        self.clock_reads = 0
        self.emitter = Emitter(self.stats)
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

    # Operations on scopes

    def push(
        self,
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
        self.check_parent(parent)

        self.emit_owed(context)
        place = context.place(parent)
        scope = self.open(place, name, type, attributes, metadata, timestamp)
        scope.subtype = subtype or ""
        try:
            self.emit_start(scope, input, context)
        except Failure:
            self.let_go(scope)  # S5.2: a subscriber's exit is raised, so nobody gets the handle
            raise
        context.value = scope
        return scope

    def pop(
        self,
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
        status = checked_choice("the status", status, END_STATUSES)
        if scope.parent is None:
            raise RuntimeFailure("invalid_argument", "the root cannot be ended")
        if not scope.is_open and closes:
            return context.restore_after(scope)
        if not scope.is_open:
            raise RuntimeFailure("not_found", f"{scope.name} has ended")
        if not closes and context.holds_open_descendant(scope):
            raise RuntimeFailure("invalid_argument", f"{scope.name} has an open descendant here")
        if timestamp is not None and timestamp < scope.started_at:
            raise RuntimeFailure("invalid_argument", f"{scope.name} would end before its start")

        self.emit_owed(context)
        facts = _manual_status(status, error)
        try:
            self.end(scope, context, output, metadata, facts, timestamp)
        finally:
            context.restore_after(scope)

    def event(
        self,
        context: Context,
        name: str | bytes,
        parent: Scope | None = None,
        data: Any = ABSENT,
        metadata: Any = ABSENT,
        timestamp: int | None = None,
    ) -> None:
        """A mark under the given or the current scope."""
        name = checked_text("the name", name)
        self.check_parent(parent)

        self.emit_owed(context)
        place = context.place(parent)
        self.mark(context, place, name, data, metadata, timestamp)

    def flush(self, context: Context) -> None:
        """Delivers what is still owed (S1.12)."""
        self.emit_owed(context)

    # Middleware

    def register(
        self,
        owner: Owner,
        registry: str,
        name: str | bytes,
        callable: Callable[..., Any],
        priority: int = 0,
        is_async: bool = False,
    ) -> None:
        """Registers on a scope, or everywhere (S3.1); not on what has ended (S1.7)."""
        assert REGISTRIES[registry].has_priority or priority == 0
        name = checked_text("the name", name)
        if isinstance(owner, Scope) and not owner.is_open:
            raise RuntimeFailure("not_found", f"{owner.name} has ended")
        owner.register(registry, Registration(name, callable, priority, is_async))

    def deregister(self, owner: Owner, registry: str, name: str) -> bool:
        """Whether the name was known (S3.3); it may have outlived its scope (S1.7)."""
        return owner.deregister(registry, name)

    def chain(self, registry: str, scope: Scope) -> list[Registration]:
        """What of a registry applies to a scope (S3.2)."""
        return chain(registry, self.everywhere, scope)

    # What the operations are made of

    def check_parent(self, parent: Scope | None) -> None:
        """An explicit parent has to be open and of this runtime (S1.4)."""
        if parent is not None and (not parent.is_open or parent.runtime is not self):
            raise RuntimeFailure("invalid_argument", f"{parent.name} cannot be a parent")

    def open(
        self,
        place: Place,
        name: str,
        type: str,
        attributes: frozenset[str],
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
            attributes=attributes,
            metadata=metadata,
        )
        scope.started_at = self.read_clock() if timestamp is None else timestamp
        place.parent.open_children.add(scope)
        return scope

    def end(
        self,
        scope: Scope,
        context: Context,
        output: Any,
        metadata: Any,
        facts: events.Members,
        timestamp: int | None = None,
    ) -> None:
        """Ends a scope or call and emits its one end event (S4.3)."""
        if not scope.is_open:
            return  # a target has ended its own call
        time = self.end_time(scope, timestamp)
        scope.end()
        context.restore_after(scope)  # before anybody hears of it (ADR 0011)
        self.let_go_with(scope.parent)
        subscribers = self.chain(SUBSCRIBER, scope)
        if not subscribers:  # S5.4
            return
        data = self.text(output)
        if data == "null":  # S2.5: null is told from nothing
            facts = {**facts, "data.null": "true"}
        merged = events.end_metadata(scope, self.text(scope.metadata), self.text(metadata), facts)
        ended = events.scope_event(scope, "end", time, data, merged)
        self.emitter.emit(ended, subscribers, context)

    def emit_start(self, scope: Scope, data: Any, context: Context) -> None:
        """The start event, if anybody listens (S5.4)."""
        subscribers = self.chain(SUBSCRIBER, scope)
        if subscribers:
            metadata = events.start_metadata(scope, self.text(scope.metadata))
            started = events.scope_event(
                scope, "start", scope.started_at, self.text(data), metadata
            )
            self.emitter.emit(started, subscribers, context)

    def mark(
        self,
        context: Context,
        place: Place,
        name: str,
        data: Any,
        metadata: Any = ABSENT,
        timestamp: int | None = None,
        category: str | None = None,
    ) -> None:
        """Builds and emits a mark: unheard it draws nothing (S2.3, S5.4).

        What the context's value registered is in force for it, ended or not (S1.7, S5.3).
        """
        subscribers = self.chain(SUBSCRIBER, place.inherits)
        if not subscribers:
            return
        uuid = self.draw_uuid()
        time = self.read_clock() if timestamp is None else timestamp
        made = events.mark_event(
            place.parent, uuid, time, name, self.text(data), self.text(metadata), category
        )
        self.emitter.emit(made, subscribers, context)

    def text(self, value: Any) -> str | None:
        """The JSON text of a payload that was given, each within its own budget (S2.6)."""
        return None if value is ABSENT else payload.encode(value, self.payload_budget)

    # Forgotten work (S1.12)

    def let_go(self, scope: Scope) -> None:
        """Nobody holds the handle any more, nor a context."""
        scope.is_let_go = True
        self.let_go_with(scope)

    def let_go_with(self, scope: Scope | None) -> None:
        """Notes the time at which neither handle, context nor open descendant holds a scope."""
        if scope and scope.is_let_go and scope.is_open and not scope.open_children:
            if all(scope is not noted for noted, _ in self.abandoned):
                self.abandoned.append((scope, self.read_clock()))

    def emit_owed(self, context: Context) -> None:
        """Ends what was forgotten: the next operation that can deliver does it first.

        One that is refused does not, for it changes nothing (S7.3).
        """
        while self.abandoned:
            scope, time = self.abandoned.pop(0)
            self.stats.abandoned_scope_count += 1
            self.end(scope, context, ABSENT, ABSENT, events.failure(kind="abandoned"), time)


def _manual_status(status: str, error: Failure | None) -> events.Members:
    """The status of a manual end: what is given, and nothing when nothing is (S2.4)."""
    if status == "ok":
        return events.success()
    if status == "cancelled":
        return events.failure(error, kind="cancelled")
    if status == "error" or error is not None:
        return events.failure(error)
    return {}
