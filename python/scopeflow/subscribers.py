"""Subscribers of the default runtime: they receive every event (S5.1).

A subscriber is `callback(event)`. It is called on the emitting thread, in order; several threads
may call it at once. One that fails is logged (logger `scopeflow`) and counted, and nobody else
notices (S5.2).
"""

from ._native import default_runtime
from ._scoped import scoped

register = default_runtime.register_subscriber
deregister = default_runtime.deregister_subscriber
flush = default_runtime.runtime_flush

subscriber = scoped(register, deregister)

__all__ = [
    "deregister",
    "flush",
    "register",
    "subscriber",
]
