"""Tests of what an application does with scopeflow: a runtime of their own, and what it emitted.

With pytest, fixtures give both; elsewhere `isolated` and `capture` do:

    def test_search(scopeflow_events):
        search("x")
        assert scopeflow_events.names() == ["start search", "end search"]

The runtime's clock and ids are deterministic: two runs of the same program, one thread and one task
at a time, emit the same bytes.

>>> with testing.isolated() as runtime, testing.capture(runtime) as events:
...     tools.execute_sync("search", {"query": "x"}, lambda args: {"hits": 2})
{'hits': 2}
>>> events.find("search", phase="end").time.isoformat()
'2026-01-01T00:00:00.001000+00:00'
"""

from __future__ import annotations

import contextlib
import sys

from . import _native
from ._native import Runtime, RuntimeFlags
from ._scoped import Registration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from ._native import MarkEvent, ScopeEvent

CLOCK_START = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z, the first reading of a test's clock, in nanoseconds."""

CLOCK_STEP = 1_000_000
"""One millisecond, which passes between two readings."""


class CapturedEvents:
    """A subscriber that keeps all events, in order: a sequence of them, with ways to look.

    >>> events = testing.CapturedEvents()
    >>> subscribers.register("captured", events)
    >>> scope.event("cache miss")
    >>> events
    <1 captured events>
    >>> events[0].name
    'cache miss'
    """

    def __init__(self) -> None:
        self._events: list[ScopeEvent | MarkEvent] = []

    def __call__(self, event: ScopeEvent | MarkEvent) -> None:
        self._events.append(event)

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[ScopeEvent | MarkEvent]:
        return iter(self._events)

    def __getitem__(self, index: int) -> ScopeEvent | MarkEvent:
        return self._events[index]

    def __repr__(self) -> str:
        return f"<{len(self)} captured events>"

    def clear(self) -> None:
        """Forgets what was captured.

        >>> with testing.capture() as events:
        ...     scope.event("cache miss")
        ...     events.clear()
        >>> len(events)
        0
        """
        self._events.clear()

    def names(self) -> list[str]:
        """What happened, in words: `start a`, `mark m`, `end a`.

        >>> with testing.capture() as events, scope.scope("plan", ScopeType.Agent):
        ...     scope.event("cache miss")
        >>> events.names()
        ['start plan', 'mark cache miss', 'end plan']
        """
        return [f"{_phase(event)} {event.name}" for event in self._events]

    def find_all(
        self, name: str | None = None, *, phase: str | None = None, category: str | None = None
    ) -> list[ScopeEvent | MarkEvent]:
        """The events that are as said, in order.

        name: What the scope, call or mark is called.
        phase: `start`, `end` or `mark`. Raises ValueError for another one.
        category: The kind of work, such as `tool`.

        >>> with testing.capture() as events:
        ...     for key in ("weather", "news"):
        ...         scope.event("cache miss", data={"key": key})
        >>> [event.data["key"] for event in events.find_all("cache miss")]
        ['weather', 'news']
        """
        if phase not in (None, "start", "end", "mark"):
            raise ValueError(f"phase must be 'start', 'end' or 'mark', not {phase!r}")
        return [
            event
            for event in self._events
            if (name is None or event.name == name)
            and (phase is None or _phase(event) == phase)
            and (category is None or event.category == category)
        ]

    def find(
        self, name: str | None = None, *, phase: str | None = None, category: str | None = None
    ) -> Any:
        """The one event that is as said. Raises AssertionError where there is none or more than
        one, and tells what there is. The arguments are those of `find_all`.

        >>> with testing.capture() as events:
        ...     tools.execute_sync("search", {"query": "x"}, lambda args: 3)
        3
        >>> events.find("search", phase="end").data
        3
        """
        found = self.find_all(name, phase=phase, category=category)
        if len(found) != 1:
            wanted = " ".join(text for text in (phase, category, name) if text is not None)
            raise AssertionError(
                f"{len(found)} events are {wanted!r}, not one, among: {', '.join(self.names())}"
            )
        return found[0]

    def children(self, of: ScopeEvent | MarkEvent) -> list[ScopeEvent | MarkEvent]:
        """The starts and marks right below a scope or call, of which `of` is the start or end.

        >>> with testing.capture() as events, scope.scope("plan", ScopeType.Agent):
        ...     scope.event("cache miss")
        >>> [event.name for event in events.children(events.find("plan", phase="start"))]
        ['cache miss']
        """
        return [e for e in self._events if e.parent_uuid == of.uuid and _phase(e) != "end"]

    def tree(self) -> str:
        """All of it as text, with times and outcomes, as the command `scopeflow tree` shows it.

        >>> with testing.isolated(), testing.capture() as events:
        ...     with scope.scope("plan", ScopeType.Agent):
        ...         scope.event("cache miss")
        >>> print(events.tree())
        agent plan          2.0 ms  OK
        └─ ◆ cache miss    +1.0 ms
        """
        from ._cli import reader, render
        from ._cli.forest import Forest, Limits

        forest = Forest(Limits(children=sys.maxsize, depth=sys.maxsize, nodes=sys.maxsize))
        trees = []
        for number, event in enumerate(self._events, 1):
            trees += forest.add(number, reader.from_event(event))[0]
        trees += forest.finish()
        return "\n".join(line for tree in trees for line in render.lines(tree, render.UNICODE))

    def to_jsonl(self) -> str:
        """All of it as an event file: a line of ATOF for each event.

        >>> with testing.capture() as events:
        ...     scope.event("cache miss")
        >>> [event.name for event in read_atof([events.to_jsonl().encode()])]
        ['cache miss']
        """
        return "".join(f"{event.to_json()}\n" for event in self._events)


def _phase(event: ScopeEvent | MarkEvent) -> str:
    return event.scope_category or "mark"


@contextlib.contextmanager
def capture(
    runtime: Runtime | None = None, *, name: str = "scopeflow.testing"
) -> Iterator[CapturedEvents]:
    """A context manager that captures what a runtime emits, the default one by default.

    runtime: The Runtime.
    name: The subscriber's name. Raises AlreadyExists where it is taken.

    >>> with testing.capture() as events:
    ...     tools.execute_sync("search", {"query": "x"}, lambda args: 3)
    3
    >>> events.names()
    ['start search', 'end search']
    """
    runtime = _native.default_runtime if runtime is None else runtime
    events = CapturedEvents()
    registration = Registration(
        lambda: runtime.register_subscriber(name, events),
        runtime.deregister_subscriber,
        (name,),
        {},
    )
    with registration:
        yield events


def deterministic_runtime(
    *, clock_start: int = CLOCK_START, clock_step: int = CLOCK_STEP, **options: Any
) -> Runtime:
    """A Runtime whose ids count and whose clock goes on by a step at each reading.

    clock_start: The first reading, nanoseconds since 1970.
    clock_step: What passes between two readings, in nanoseconds.
    options: What else a Runtime takes, such as `payload_budget`.

    >>> runtime = testing.deterministic_runtime()
    >>> handle = runtime.scope_push("turn", ScopeType.Agent)
    >>> handle.uuid, handle.started_at.isoformat()
    ('01900000-0000-7000-8000-000000000001', '2026-01-01T00:00:00+00:00')
    """
    return Runtime(
        flags=RuntimeFlags.DETERMINISTIC,
        clock_start=clock_start,
        clock_step=clock_step,
        **options,
    )


@contextlib.contextmanager
def isolated(**options: Any) -> Iterator[Runtime]:
    """A context manager that puts a fresh deterministic runtime in the place of the default one.

    options: Those of `deterministic_runtime`.

    The functions of scopeflow's modules and decorated functions use it; so does what any module has
    imported from there by name. What was registered before is not in force inside, and what is
    registered inside is gone afterwards. At the end the runtime is closed, which ends what is open.
    References that are no global of a module, such as a default argument, stay with the other one.
    Not for several threads at once, nor inside itself.

    >>> subscribers.register("show", print)
    >>> with testing.isolated() as runtime:
    ...     scope.event("nobody hears it")
    ...     runtime.registrations()
    []
    """
    outer = _native.default_runtime
    runtime = deterministic_runtime(**options)
    known = set(sys.modules)
    replaced = _replace_default(sys.modules, outer, runtime)
    try:
        yield runtime
    finally:
        for names, name, value in replaced:
            names[name] = value
        loaded = {name: sys.modules[name] for name in sys.modules.keys() - known}
        _replace_default(loaded, runtime, outer)
        runtime.close()


def _replace_default(
    modules: Mapping[str, object], outer: Runtime, runtime: Runtime
) -> list[tuple[dict[str, Any], str, object]]:
    """Puts one runtime in the place of another in the globals of modules; what stood there."""
    replaced = []
    for module in list(modules.values()):
        names = getattr(module, "__dict__", None)
        if not isinstance(names, dict):
            continue
        for name, value in list(names.items()):
            other = _counterpart(value, outer, runtime)
            if other is not None:
                replaced.append((names, name, value))
                names[name] = other
    return replaced


def _counterpart(value: object, outer: Runtime, runtime: Runtime) -> object:
    """What stands for a runtime, a method of it or its context variable in another one."""
    if value is outer:
        return runtime
    kind = type(value)
    if kind is type(outer.get_handle) and value.__self__ is outer:  # type: ignore[attr-defined]
        return getattr(runtime, value.__name__)  # type: ignore[attr-defined]
    if value is outer.scope_stack_variable:
        return runtime.scope_stack_variable
    return None


__all__ = [
    "CLOCK_START",
    "CLOCK_STEP",
    "CapturedEvents",
    "capture",
    "deterministic_runtime",
    "isolated",
]
