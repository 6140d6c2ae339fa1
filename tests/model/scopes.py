"""Scopes are a tree, and what is current is a value that a context holds (S1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .middleware import Owner

if TYPE_CHECKING:
    from .admission import Call
    from .execution import PendingMark
    from .runtime import Runtime

SCOPE_TYPES = (  # S1.1: in this order, which is their numbers
    "agent",
    "function",
    "tool",
    "llm",
    "retriever",
    "embedder",
    "reranker",
    "guardrail",
    "evaluator",
    "custom",
    "unknown",
)
SCOPE_ATTRIBUTES = {"parallel": 1, "relocatable": 2}  # S1.2
TOOL_ATTRIBUTES = {"remote": 1}
LLM_ATTRIBUTES = {"stateful": 1, "streaming": 2}


@dataclass(eq=False)
class Scope(Owner):
    """A node of the tree: an opened scope, the span of a call, or an implicit root."""

    runtime: Runtime
    uuid: str
    name: str
    type: str
    parent: Scope | None  # None: it is an implicit root (S1.3)
    opened_over: Scope | None = None  # what the context goes back to (S1.5, ADR 0011)
    inherits: Scope | None = None  # whose middleware it has, apart from its own (S1.4)
    detached_from: str | None = None  # uuid of the ended scope that the context held (S1.5)
    attributes: frozenset[str] = frozenset()
    subtype: str = ""
    tool_call_id: str = ""
    model_name: str = ""
    metadata: Any = None
    started_at: int = 0
    is_open: bool = True
    is_let_go: bool = False  # nobody can end it any more, unless a descendant is open (S1.12)
    open_children: set[Scope] = field(default_factory=set)
    call: Call | None = None  # of a call's own span
    is_manual: bool = False  # the application ends that call by itself (S4.8)
    pending_marks: list[PendingMark] = field(default_factory=list)  # follow the end (S3.11)
    stream_facts: dict[str, str] = field(default_factory=dict)  # for the end's metadata (S4.7)

    def end(self) -> None:
        """From here on it is ended; what it registered goes on for those who inherit it (S1.7)."""
        self.is_open = False
        if self.parent is not None:
            self.parent.open_children.discard(self)

    def and_what_it_was_opened_over(self) -> Iterator[Scope]:
        """The walk upwards that decides what is current (S1.5)."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.opened_over

    def nearest_open(self) -> Scope:
        """This scope or the nearest one upwards that has not ended; a root never has (S1.5)."""
        return next(scope for scope in self.and_what_it_was_opened_over() if scope.is_open)

    def nearest_in_force(self) -> Scope:
        """This scope or the nearest one upwards that is open or carries registrations: what an
        ended scope registered stays in force for a context that goes back to it (ADR 0011)."""
        return next(scope for scope in self.and_what_it_was_opened_over() if scope.is_in_force)

    @property
    def is_in_force(self) -> bool:
        """Whether it is open or carries registrations (ADR 0011)."""
        return self.is_open or self.has_registered


@dataclass(frozen=True)
class Place:
    """Where a scope, call or mark goes, as of the call of the operation."""

    parent: Scope  # the given one, else the current one (S1.4)
    inherits: Scope  # whose middleware is in force: the given parent's, else the value's (S1.4)
    opened_over: Scope  # what the context goes back to afterwards (ADR 0011)
    detached_from: str | None  # the ended scope that the work goes on without (S1.5)


@dataclass(eq=False)
class Context:
    """A task, promise chain, goroutine or thread: it holds one scope by value (S1.9)."""

    name: str
    value: Scope

    @property
    def current(self) -> Scope:
        """The current scope: the value, or what is nearest above it and open (S1.5)."""
        return self.value.nearest_open()

    def place(self, parent: Scope | None) -> Place:
        """Where what is done here now goes: under `parent`, if there is one (S1.4)."""
        is_detached = parent is None and not self.value.is_open
        return Place(
            parent=parent or self.current,
            inherits=parent or self.value,  # ended or not: nothing escapes a guard (S1.4)
            opened_over=self.value.nearest_in_force(),
            detached_from=self.value.uuid if is_detached else None,
        )

    def fork(self, name: str) -> Context:
        """What is started here inherits the value and then goes its own way (S1.9)."""
        return Context(name, self.value)

    def restore_after(self, ended: Scope) -> None:
        """After an end: only if the ended scope is still the current one (S1.5)."""
        if self.value is ended:
            assert ended.opened_over is not None
            self.value = ended.opened_over.nearest_in_force()

    def holds_open_descendant(self, scope: Scope) -> bool:
        """Whether something open stands above `scope` in this context's chain (S1.6).

        A scope that is not in the chain was opened elsewhere, and may be ended from here.
        """
        chain = list(self.value.and_what_it_was_opened_over())
        return scope in chain and any(link.is_open for link in chain[: chain.index(scope)])
