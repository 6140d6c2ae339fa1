"""Subscribers of the default runtime: they receive every event (S5.1).

A subscriber is `callback(event)`. It is called on the emitting thread, in order; several threads
may call it at once. One that fails is logged (logger `scopeflow`) and counted, and nobody else
notices (S5.2).
"""

from __future__ import annotations

from ._native import default_runtime
from ._scoped import Registration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._native import MarkEvent, ScopeEvent

register = default_runtime.register_subscriber
deregister = default_runtime.deregister_subscriber
flush = default_runtime.runtime_flush


def subscriber(name: str, callback: Callable[[ScopeEvent | MarkEvent], object]) -> Registration:
    """A context manager that registers the subscriber for as long as it is entered."""
    return Registration(register, deregister, name, callback)


__all__ = ["deregister", "flush", "register", "subscriber"]
