"""Programs made at random: trees of scopes, calls, streams, tasks, threads and cancellations, with
middleware that is registered on the way.

A program is plain data, so that Hypothesis can make it smaller. What it does is in
tree_performer.py; it is done with the package and with the model (tests/model) side by side.

Whatever tasks and threads share is changed only where one of them runs alone, and a stream is
dropped only where no other thread can end it: then each task has one history, however they take
turns.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

SECRET = "SECRET"  # What observers of a guarded program must not read.
VALUES = (
    1,
    -2.5,
    True,
    "plain",
    f"a {SECRET}",
    [],
    [1, [f"{SECRET}"], {}],
    {"q": f"{SECRET}!", "n": 0},
    {"deep": {"er": [f"x{SECRET}", None]}},
)
METADATA = (None, None, {"k": 1}, {"k": f"{SECRET}", "otel.status_code": "MINE"}, [f"{SECRET}"])
HEADERS = ({}, {"accept": "*"}, {"Authorization": "CREDENTIAL", "accept": "*"})
SANITIZERS = (
    "tool_sanitize_request_guardrail",
    "tool_sanitize_response_guardrail",
    "llm_sanitize_request_guardrail",
    "llm_sanitize_response_guardrail",
)
EVENT_SANITIZERS = (
    "mark_sanitize_guardrail",
    "scope_sanitize_start_guardrail",
    "scope_sanitize_end_guardrail",
)
EXECUTION = (
    "tool_execution_intercept",
    "llm_execution_intercept",
    "llm_stream_execution_intercept",
)
GUARDS = ("tool_conditional_execution_guardrail", "llm_conditional_execution_guardrail")
REQUEST = ("tool_request_intercept", "llm_request_intercept")
OTHERS = ("subscriber", "event_metadata_injector", "conditional_middleware_guardrail")
SWITCHABLE = {*SANITIZERS, *EXECUTION, *GUARDS, *REQUEST}  # by a gate
# Those around calls come more often, for it takes a call of their kind to reach them.
REGISTRIES = (*SANITIZERS, *EVENT_SANITIZERS, *OTHERS, *(*EXECUTION, *GUARDS, *REQUEST) * 2)
ALWAYS_SYNC = ("subscriber", "conditional_middleware_guardrail")
ANSWERS = {  # what a callable gives, apart from the error of its body
    **dict.fromkeys(SANITIZERS, ("same", "same", "redact", "edit", "nothing", "wrong")),
    **dict.fromkeys(EVENT_SANITIZERS, ("same", "redact", "nothing", "wrong")),
    **dict.fromkeys(EXECUTION, ("next", "next", "twice", "other", "none", "catch", "marks")),
    **dict.fromkeys(GUARDS, ("pass", "pass", "refuse")),
    **dict.fromkeys(REQUEST, ("same", "edit", "new", "nothing", "marks")),
    "subscriber": ("take",),
    "event_metadata_injector": ("members", "nothing", "wrong"),
    "conditional_middleware_guardrail": ("leave", "switch off"),
}
GROUPS = ["group"] if hasattr(asyncio, "TaskGroup") else []  # Python 3.11
MOST_OF_CALLABLE = 4  # actions
HOOKS = ("a", "b")  # names of registrations, so that they meet


@dataclass(frozen=True)
class Mark:
    id: int
    data: Any
    metadata: Any


@dataclass(frozen=True)
class Scope:
    """A `with`, or a push and a pop."""

    id: int
    kind: int
    is_with: bool
    input: Any
    output: Any
    metadata: Any
    body: tuple
    late: Any  # A Task that is created in the scope and runs after it has ended, or None.


@dataclass(frozen=True)
class Call:
    """A managed call of a tool or LLM."""

    id: int
    kind: str
    is_sync: bool
    has_async_target: bool
    request: Any
    headers: Any
    metadata: Any
    result: Any
    body: tuple
    catches: bool


@dataclass(frozen=True)
class ManualCall:
    id: int
    kind: str
    request: Any
    headers: Any
    body: tuple
    result: Any
    has_failed: bool


@dataclass(frozen=True)
class Stream:
    id: int
    is_sync: bool
    request: Any
    headers: Any
    chunks: tuple  # (chunk, what the producer does before it)
    after: tuple  # What it does before its end.
    collector: Any  # What is done with each chunk, or None.
    finalizer: Any  # (What is done, what it gives), or None.
    between: tuple  # What the consumer does after each chunk.
    take: int | None
    way: str  # How it stops after that: close, with or drop.
    chunk_marks: bool
    catches: bool


@dataclass(frozen=True)
class Register:
    id: int
    registry: str
    name: str
    depth: int | None  # Of the scope around it, from inside; None for all of the runtime.
    priority: int
    is_async: bool
    breaks_chain: bool
    body: tuple
    answer: str


@dataclass(frozen=True)
class Deregister:
    id: int
    registry: str
    name: str
    depth: int | None


@dataclass(frozen=True)
class Close:
    """Ends a scope around this, from inside; a pop of one with others in it is refused."""

    id: int
    depth: int
    is_pop: bool
    twice: bool


@dataclass(frozen=True)
class Pause:
    id: int
    turns: int


@dataclass(frozen=True)
class Hang:
    """Where a task that is to be cancelled waits for it; nothing for all others."""

    id: int


@dataclass(frozen=True)
class Raise:
    id: int


@dataclass(frozen=True)
class Task:
    id: int
    body: tuple
    is_cancelled: bool
    inherits: bool  # Its context is a copy, not a fresh one; only threads have the choice.
    is_async: bool


@dataclass(frozen=True)
class Tasks:
    """Tasks that run until all are done: how is gather, group, threads, to_thread or context."""

    id: int
    how: str
    tasks: tuple


@dataclass(frozen=True)
class Program:
    is_async: bool
    is_guarded: bool  # Everything passes a last sanitizer that takes the secrets out.
    body: tuple


@dataclass
class Place:
    """Where an action is to stand, as far as it decides what may stand there."""

    can_wait: bool  # Whether things can be awaited.
    is_alone: bool = True  # No other task can run or see what this one changes.
    is_parallel: bool = False  # Other threads run.
    scope_count: int = 0  # Around it, that it may name.
    depth: int = 0

    def inside(self, **changes):
        return replace(self, **{"depth": self.depth + 1, **changes})


class Maker:
    def __init__(self, draw):
        self.draw = draw
        self.id_count = 0
        self.left = draw(st.integers(10, 40))  # Actions that may still be made.
        self.is_async = draw(st.sampled_from([True, True, False]))

    def program(self):
        is_guarded = self.chance(3)
        place = Place(can_wait=self.is_async)
        registered = tuple(self.register(place) for _ in range(self.draw(st.integers(0, 5))))
        return Program(self.is_async, is_guarded, registered + self.body(place, least=3, most=8))

    # --- Choices ---

    def choose(self, *options):
        return self.draw(st.sampled_from(options))

    def chance(self, of):
        """One in so many."""
        return self.draw(st.integers(0, of - 1)) == of - 1

    def new_id(self):
        self.id_count += 1
        return self.id_count

    # --- Actions ---

    def body(self, place, least=0, most=3):
        if place.depth > 5:
            return ()
        count = self.draw(st.integers(least, most))
        return tuple(action for _ in range(count) if (action := self.action(place)))

    def action(self, place):
        if self.left <= 0:
            return None
        self.left -= 1
        makers = [self.mark, self.scope, self.scope, *[self.call] * 4, *[self.stream] * 2]
        makers += [self.manual_call, self.pause, self.failure]
        if place.is_alone or place.scope_count:
            makers += [self.register] * 3 + [self.deregister]
        if place.scope_count and place.is_alone:
            makers += [self.close] * 2
        if place.can_wait:
            makers.append(self.hang)
        if place.depth < 3:
            makers += [self.tasks] * 2
        return self.choose(*makers)(place)

    def mark(self, place):
        return Mark(self.new_id(), self.choose(*VALUES), self.choose(*METADATA))

    def pause(self, place):
        return Pause(self.new_id(), self.choose(1, 2, 5))

    def hang(self, place):
        return Hang(self.new_id())

    def failure(self, place):
        return Raise(self.new_id()) if self.chance(2) else None

    def scope(self, place):
        id = self.new_id()
        inside = place.inside(scope_count=place.scope_count + 1)
        is_followed = self.chance(6) and place.depth < 3
        return Scope(
            id,
            kind=self.choose(0, 1, 4, 9, 10),
            is_with=self.choose(True, True, False),
            input=self.choose(None, *VALUES),
            output=self.choose(None, *VALUES),
            metadata=self.choose(*METADATA),
            body=self.body(inside),
            late=self.task(inside, has_loop=place.can_wait) if is_followed else None,
        )

    def call(self, place):
        is_sync = not place.can_wait or self.chance(4)
        has_async_target = not is_sync and self.choose(True, True, False)
        return Call(
            self.new_id(),
            kind=self.choose("tool", "llm"),
            is_sync=is_sync,
            has_async_target=has_async_target,
            request=self.choose(*VALUES),
            headers=self.choose(*HEADERS),
            metadata=self.choose(*METADATA),
            result=self.choose(None, *VALUES),
            body=self.body(place.inside(can_wait=has_async_target)),
            catches=self.choose(True, False),
        )

    def manual_call(self, place):
        return ManualCall(
            self.new_id(),
            kind=self.choose("tool", "llm"),
            request=self.choose(*VALUES),
            headers=self.choose(*HEADERS),
            body=self.body(place.inside(), most=2),
            result=self.choose(*VALUES),
            has_failed=self.chance(4),
        )

    def stream(self, place):
        """Its consumer stops after any number of its chunks, or takes them all."""
        is_sync = not place.can_wait or self.chance(4)
        inside = place.inside(can_wait=not is_sync)
        count = self.draw(st.integers(0, 3))
        ways = ("close", "with") if place.is_parallel else ("close", "with", "drop")
        return Stream(
            self.new_id(),
            is_sync=is_sync,
            request=self.choose(*VALUES),
            headers=self.choose(*HEADERS),
            chunks=tuple((self.choose(*VALUES), self.body(inside, most=1)) for _ in range(count)),
            after=self.body(inside, most=1),
            collector=self.callback(inside) if self.chance(2) else None,
            finalizer=self.finalizer(inside) if self.chance(2) else None,
            between=self.body(place.inside(), most=1),
            take=self.draw(st.integers(0, count)) if self.chance(2) else None,
            way=self.choose(*ways),
            chunk_marks=self.chance(3),
            catches=self.choose(True, False),
        )

    def callback(self, inside):
        """What a collector or finalizer does; sometimes it fails."""
        body = self.body(inside, most=1)
        return (*body, Raise(self.new_id())) if self.chance(4) else body

    def finalizer(self, inside):
        return self.callback(inside), self.choose(None, *VALUES)

    # --- Middleware ---

    def owner(self, place):
        """The depth of a scope around the place, or None for all of the runtime."""
        if place.is_alone and (place.scope_count == 0 or self.chance(2)):
            return None
        return self.draw(st.integers(0, place.scope_count - 1))

    def register(self, place):
        registry = self.choose(*REGISTRIES)
        is_async = self.is_async and (registry in EXECUTION or self.chance(2))
        is_async = is_async and registry not in ALWAYS_SYNC
        # It is called anywhere: by several tasks at once, and in whatever scope.
        inside = Place(is_async, is_alone=False, is_parallel=True, depth=place.depth + 2)
        return Register(
            self.new_id(),
            registry=registry,
            name=self.choose(*HOOKS),
            depth=self.owner(place),
            priority=self.choose(0, 0, -1, 3),
            is_async=is_async,
            breaks_chain=self.chance(4),
            body=self.body_of_callable(inside),
            answer=self.choose(*ANSWERS[registry]),
        )

    def body_of_callable(self, place):
        """A small one, which takes nothing from what the program itself may do."""
        left, self.left = self.left, MOST_OF_CALLABLE
        body = self.body(place, most=2)
        self.left = left
        return body

    def deregister(self, place):
        registry, name = self.choose(*REGISTRIES), self.choose(*HOOKS)
        return Deregister(self.new_id(), registry, name, self.owner(place))

    def close(self, place):
        depth = self.draw(st.integers(0, place.scope_count - 1))
        is_pop = self.choose(True, False)
        return Close(self.new_id(), depth, is_pop, twice=self.chance(3))

    # --- Tasks ---

    def tasks(self, place):
        ways = ["threads", "context"]
        if place.can_wait:
            ways += ["gather", "gather", "to_thread", *GROUPS]
        how = self.choose(*ways)
        most = 1 if how in ("to_thread", "context") else 3
        count = self.draw(st.integers(1, most))
        inside = place.inside(
            is_alone=place.is_alone and count == 1,
            is_parallel=place.is_parallel or (how == "threads" and count > 1),
        )
        has_loop = how in ("gather", "group")
        id = self.new_id()
        tasks = tuple(self.task(inside, has_loop, how) for _ in range(count))
        return Tasks(id, how, tasks)

    def task(self, place, has_loop, how="gather"):
        id = self.new_id()
        is_async = has_loop or (how == "threads" and self.is_async and self.chance(2))
        # Scopes outside may be named where nobody else is about; else only its own are its own.
        scope_count = place.scope_count if place.is_alone else 0
        body = self.body(place.inside(can_wait=is_async, scope_count=scope_count), least=1)
        is_cancelled = how == "group" or (has_loop and self.chance(2))
        return Task(
            id,
            body=(*body, self.hang(place)) if is_cancelled else body,
            is_cancelled=is_cancelled,
            inherits=how != "threads" or self.choose(True, False),
            is_async=is_async,
        )


@st.composite
def programs(draw):
    return Maker(draw).program()
