"""What is current in a context, and how it gets to a thread, a worker or another process.

Tasks and `asyncio.to_thread` inherit what is current by themselves; a plain thread starts with
nothing (S1.9), and so does a greenlet of gevent. All functions are of the default runtime; a
Runtime has methods of its own.

>>> import threading
>>> def work(stack):
...     with use_scope_stack(stack):
...         print(get_handle().name)
>>> with scope.scope("turn", ScopeType.Agent):
...     thread = threading.Thread(target=work, args=(propagate_scope_to_thread(),))
...     thread.start()
...     thread.join()
turn

To another process goes a text, such as the header `traceparent`:

>>> with scope.scope("turn", ScopeType.Agent):
...     headers = {"traceparent": capture_traceparent()}
>>> with use_scope_stack(create_scope_stack_from_propagation(headers["traceparent"])):
...     scope.event("in the other process")
"""

from __future__ import annotations

import contextvars

from ._native import (
    InvalidArgument,
    InvalidJson,
    InvalidState,
    Propagation,
    ScopeStack,
    default_runtime,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import ClassVar, Literal

_scope_stack_var: contextvars.ContextVar[object] = default_runtime.scope_stack_variable

get_scope_stack = default_runtime.get_scope_stack
set_thread_scope_stack = default_runtime.set_scope_stack


def create_scope_stack() -> ScopeStack:
    """A new ScopeStack with a root of its own, in no context as yet (S1.3).

    >>> outer = scope.push("turn", ScopeType.Agent)
    >>> with use_scope_stack(create_scope_stack()):
    ...     get_handle() is outer  # What is opened here shares nothing with it.
    False
    """
    return default_runtime.create_scope_stack()


def scope_stack_active() -> bool:
    """Whether this context has a scope, or was given a scope stack.

    >>> scope_stack_active()
    False
    >>> with scope.scope("turn", ScopeType.Agent):
    ...     scope_stack_active()
    True
    """
    return _scope_stack_var.get(None) is not None


def propagate_scope_to_thread() -> ScopeStack:
    """The ScopeStack to hand to a thread or worker, which gives it to `set_thread_scope_stack`.

    Raises InvalidState where nothing is current.

    >>> import threading
    >>> def work(stack):
    ...     with use_scope_stack(stack):
    ...         print(get_handle().name)
    >>> with scope.scope("turn", ScopeType.Agent):
    ...     thread = threading.Thread(target=work, args=(propagate_scope_to_thread(),))
    ...     thread.start()
    ...     thread.join()
    turn
    """
    if not scope_stack_active():
        raise InvalidState("invalid state: no scope is open in this context, nor was a stack set")
    return get_scope_stack()


def fork_asyncio_context() -> contextvars.Context:
    """A copy of this context, for `loop.create_task(…, context=…)`: what is opened there changes
    nothing here, as in every task (S1.9).

    >>> context = fork_asyncio_context()
    >>> handle = context.run(scope.push, "apart", ScopeType.Agent)
    >>> get_handle() is handle, context.run(get_handle) is handle
    (False, True)
    """
    return contextvars.copy_context()


class use_scope_stack:
    """A context manager that makes a ScopeStack current, and afterwards what was before.

    May be entered once. Raises TypeError for what is no ScopeStack.

    >>> outer = scope.push("turn", ScopeType.Agent)
    >>> with use_scope_stack(create_scope_stack()):
    ...     get_handle() is outer
    False
    >>> get_handle() is outer
    True
    """

    def __init__(self, stack: ScopeStack) -> None:
        self._stack = stack
        self._before: object = None

    def __enter__(self) -> ScopeStack:
        self._before = _scope_stack_var.get(None)
        set_thread_scope_stack(self._stack)
        return self._stack

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        _scope_stack_var.set(self._before)
        self._before = None
        return False

    def __repr__(self) -> str:
        return f"use_scope_stack({self._stack!r})"


# --- To another process ---


class PropagationContext:
    """The portable form of a context (S1.10): plain data that crosses to another process.

    parent_uuid: The scope that work there stands under.
    root_uuid: The trace; None leaves it to the parent.
    version: 1, the only one that is known.
    traceparent: The W3C form that it goes with, where that does not follow from the ids.
    tracestate: Kept as it is; nothing reads it.

    Raises TypeError for what is no text, InvalidArgument for what is no uuid, for zeros, for what
    is no `traceparent`, and for another version.

    >>> with scope.scope("turn", ScopeType.Agent):
    ...     context = capture_propagation_context()
    >>> message = {"task": "book", "context": context.to_json()}
    >>> there = PropagationContext.from_json(message["context"])
    >>> there == context
    True
    """

    __slots__ = ("parent_uuid", "root_uuid", "traceparent", "tracestate", "version")

    def __init__(
        self,
        parent_uuid: str,
        root_uuid: str | None = None,
        version: int = 1,
        traceparent: str | None = None,
        tracestate: str | None = None,
    ) -> None:
        self.version: int = version
        self.root_uuid: str | None = root_uuid
        self.parent_uuid: str = parent_uuid
        self.traceparent: str | None = traceparent
        self.tracestate: str | None = tracestate
        self._stack()
        if traceparent is not None:
            default_runtime.create_scope_stack(traceparent)

    def to_json(self) -> str:
        """`{"version":1,"root_uuid":…,"parent_uuid":…}`, without `root_uuid` where it is None.

        >>> PropagationContext("00000000-0000-0000-b7ad-6b7169203331").to_json()
        '{"version":1,"parent_uuid":"00000000-0000-0000-b7ad-6b7169203331"}'
        """
        import json

        members = {"version": self.version, "parent_uuid": self.parent_uuid}
        if self.root_uuid is not None:
            members = {
                "version": self.version,
                "root_uuid": self.root_uuid,
                "parent_uuid": self.parent_uuid,
            }
        return json.dumps(members, separators=(",", ":"))

    def to_traceparent(self) -> str:
        """The W3C header: `00-<trace id>-<span id>-01`. Raises InvalidArgument where the parent's
        last 8 bytes, the span id, are zeros.

        >>> parent = "00000000-0000-0000-b7ad-6b7169203331"
        >>> PropagationContext(parent, "0af76519-16cd-43dd-8448-eb211c80319c").to_traceparent()
        '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
        """
        if self.traceparent is not None:
            return self.traceparent
        made = contextvars.copy_context().run(_capture_in, self._stack()).traceparent
        if not made:
            raise InvalidArgument("invalid argument: parent_uuid ends in 8 zero bytes")
        return made

    @staticmethod
    def from_json(value: str) -> PropagationContext:
        """Reads what `to_json` wrote, here, in another language or in NeMo Relay.

        Raises InvalidJson, InvalidArgument, LimitExceeded.

        >>> text = '{"version":1,"parent_uuid":"00000000-0000-0000-b7ad-6b7169203331"}'
        >>> PropagationContext.from_json(text).parent_uuid
        '00000000-0000-0000-b7ad-6b7169203331'
        """
        import json

        default_runtime.create_scope_stack(value)
        if not value.lstrip().startswith("{"):  # The core reads both.
            raise InvalidJson("invalid json: a traceparent was given in place of JSON")
        members = json.loads(value)
        return PropagationContext(members["parent_uuid"], members.get("root_uuid"))

    def _stack(self) -> ScopeStack:
        return default_runtime.create_scope_stack(self.to_json())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PropagationContext):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"PropagationContext({self.parent_uuid!r}, {self.root_uuid!r})"


def capture_propagation_context() -> PropagationContext:
    """The portable form of this context: the current scope, and the trace that it belongs to.

    Raises InvalidState where no scope is open and nothing was propagated to here.

    >>> with scope.scope("turn", ScopeType.Agent) as handle:
    ...     context = capture_propagation_context()
    >>> context.parent_uuid == handle.uuid
    True
    """
    captured = default_runtime.propagation_capture()
    return PropagationContext(captured.parent_uuid, captured.root_uuid)


def capture_rootless_propagation_context() -> PropagationContext:
    """As `capture_propagation_context`, without a root: the trace there begins with the parent.

    >>> with scope.scope("turn", ScopeType.Agent):
    ...     capture_rootless_propagation_context().to_json()
    '{"version":1,"parent_uuid":"..."}'
    """
    return capture_propagation_context_with_root(None)


def capture_propagation_context_with_root(root_uuid: str | None) -> PropagationContext:
    """As `capture_propagation_context`, with another trace.

    >>> trace = "0af76519-16cd-43dd-8448-eb211c80319c"
    >>> with scope.scope("turn", ScopeType.Agent):
    ...     capture_propagation_context_with_root(trace).root_uuid == trace
    True
    """
    return PropagationContext(default_runtime.propagation_capture().parent_uuid, root_uuid)


def capture_traceparent() -> str:
    """This context as the W3C header `traceparent`: `00-<trace id>-<span id>-01`.

    Raises InvalidState where no scope is open and nothing was propagated to here.

    >>> with scope.scope("turn", ScopeType.Agent):
    ...     headers = {"traceparent": capture_traceparent()}
    >>> headers["traceparent"][:3], headers["traceparent"][-3:]
    ('00-', '-01')
    """
    return default_runtime.propagation_capture().traceparent


def create_scope_stack_from_propagation(context: PropagationContext | str) -> ScopeStack:
    """A ScopeStack to go on with under another process's scope (S1.10).

    context: A PropagationContext, its JSON, or a W3C `traceparent`.

    Raises InvalidArgument, InvalidJson, LimitExceeded.

    >>> with scope.scope("turn", ScopeType.Agent):
    ...     traceparent = capture_traceparent()
    >>> with use_scope_stack(create_scope_stack_from_propagation(traceparent)):
    ...     handle = scope.push("elsewhere", ScopeType.Function)  # Stands under `turn`.
    >>> handle.parent_uuid.replace("-", "")[16:] in traceparent
    True
    """
    text = context.to_json() if isinstance(context, PropagationContext) else context
    return default_runtime.create_scope_stack(text)


def _capture_in(stack: ScopeStack) -> Propagation:
    set_thread_scope_stack(stack)
    return default_runtime.propagation_capture()


__all__ = [
    "PropagationContext",
    "capture_propagation_context",
    "capture_propagation_context_with_root",
    "capture_rootless_propagation_context",
    "capture_traceparent",
    "create_scope_stack",
    "create_scope_stack_from_propagation",
    "fork_asyncio_context",
    "get_scope_stack",
    "propagate_scope_to_thread",
    "scope_stack_active",
    "set_thread_scope_stack",
    "use_scope_stack",
]
