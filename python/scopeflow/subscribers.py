"""Subscribers of the default runtime: they receive every event (S5.1).

A subscriber is `callback(event)`. It is called on the emitting thread, in order; several threads
may call it at once. One that fails is logged (logger `scopeflow`) and counted, and nobody else
notices (S5.2).
"""

from __future__ import annotations

import sys

from ._loops import in_worker_thread
from ._native import default_runtime
from ._scoped import scoped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from ._scoped import Registration
    from .atof import AtofExporter

register = default_runtime.register_subscriber
deregister = default_runtime.deregister_subscriber
subscriber = scoped(register, deregister)


def flush(timeout_s: float = 30.0) -> None:
    """Delivers what is owed to subscribers, and waits until exporters have written what was emitted
    before (S5.6). Waits for no running call.

    timeout_s: How long to wait at most, in seconds, for each exporter.

    Raises LimitExceeded if the time was too short, InvalidState if an event could not be written.
    """
    default_runtime.runtime_flush()
    for exporter in _exporters():
        exporter.force_flush(timeout_s)


async def flush_async(timeout_s: float = 30.0) -> None:
    """As `flush`, but the event loop, asyncio's or trio's, runs on while exporters write."""
    default_runtime.runtime_flush()
    for exporter in _exporters():
        await in_worker_thread(exporter.force_flush, timeout_s)


def _exporters() -> list[AtofExporter]:
    atof = sys.modules.get("scopeflow.atof")  # Without it nobody has made one.
    return [] if atof is None else atof.registered_exporters(default_runtime)


def console(
    file: TextIO | None = None, *, rich: bool | None = None, name: str = "console"
) -> Registration:
    """A Registration of a subscriber that shows what happens, as it happens, as an indented tree.

    file: Where to, the process's stderr by default.
    rich: Whether to use the package `rich`, which adds colours and, at the foot of a terminal, the
        scopes that are open. By default where `file` is a terminal and rich is installed.
    name: The subscriber's name.

    It never fails a call: where nothing can be written any more, it falls silent. It remembers the
    last 10,000 open scopes. Raises ImportError for `rich=True` where rich is not installed
    (`pip install scopeflow[console]`).

        with subscribers.console():
            run_agent()
    """
    from . import _console

    return _console.registration(default_runtime, file, rich, name)


__all__ = [
    "console",
    "deregister",
    "flush",
    "flush_async",
    "register",
    "subscriber",
]
