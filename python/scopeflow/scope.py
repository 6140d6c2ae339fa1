"""Scopes and marks of the default runtime.

A scope that is opened becomes current in its context (a task, a thread), and what is opened or
called there becomes its child. Contexts inherit the current scope by value (S1.9).

>>> with testing.capture() as events:
...     with scope.scope("planner", ScopeType.Agent, input={"goal": "win"}) as handle:
...         scope.event("thinking")
...         handle.output = {"plan": []}
>>> events.names()
['start planner', 'mark thinking', 'end planner']
"""

from ._native import default_runtime

TYPE_CHECKING = False

push = default_runtime.scope_push
pop = default_runtime.scope_pop
event = default_runtime.scope_event
scope = default_runtime.scope
get_handle = default_runtime.get_handle

if TYPE_CHECKING:
    from .metrics import metric as metric
else:

    def __getattr__(name: str) -> object:
        """`metric` is loaded when it is first asked for."""
        if name == "metric":
            from .metrics import metric

            return metric
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["event", "get_handle", "metric", "pop", "push", "scope"]
