"""Subscribers of the default runtime: they receive every event (S5.1).

A subscriber is `callback(event)`. It is called on the emitting thread, in order; several threads
may call it at once. One that fails is logged (logger `scopeflow`) and counted, and nobody else
notices (S5.2).

>>> with subscribers.subscriber("show", lambda event: print(event.name, event.data)):
...     scope.event("cache miss", data={"key": "weather"})
cache miss {'key': 'weather'}
"""

from __future__ import annotations

import sys

from ._loops import in_worker_thread
from ._native import default_runtime
from ._scoped import scoped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger
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

    >>> exporter = AtofExporter(AtofExporterConfig())
    >>> exporter.register("file")
    >>> scope.event("cache miss")
    >>> subscribers.flush(timeout_s=5)
    >>> [event.name for event in read_atof(exporter.path)]
    ['cache miss']
    """
    default_runtime.runtime_flush()
    for exporter in _exporters():
        exporter.force_flush(timeout_s)


async def flush_async(timeout_s: float = 30.0) -> None:
    """As `flush`, but the event loop, asyncio's or trio's, runs on while exporters write.

    >>> exporter = AtofExporter(AtofExporterConfig())
    >>> exporter.register("file")
    >>> scope.event("cache miss")
    >>> await subscribers.flush_async(timeout_s=5)
    >>> [event.name for event in read_atof(exporter.path)]
    ['cache miss']
    """
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

    >>> import sys
    >>> with subscribers.console(sys.stdout, rich=False):
    ...     with scope.scope("plan", ScopeType.Agent):
    ...         scope.event("cache miss")
    |- agent plan
    |  * cache miss  +... ms
    `- agent plan  ... ms  OK
    """
    from . import _console

    return _console.registration(default_runtime, file, rich, name)


def logging(
    logger: Logger | str | None = None,
    *,
    level: int = 20,
    data: bool = False,
    name: str = "logging",
) -> Registration:
    """A Registration of a subscriber that makes each event a record of a standard library's logger.

    logger: A logging.Logger or its name, `scopeflow.events` by default.
    level: Of what neither fails nor says how grave it is, `logging.INFO` by default.
    data: Whether records have the events' data: whole as a field, its beginning in the text.
    name: The subscriber's name.

    Its records read like these:

        INFO start tool search
        ERROR end tool search in 1.2 ms: ERROR: LookupError: nothing there
        INFO mark cache miss

    The level of an end is ERROR where the work failed, WARNING where it was refused, cancelled or
    abandoned; that of a mark is its severity, of a refusal WARNING, of a call that failed before it
    began ERROR. For formatters a record has the fields `scopeflow_event` (start, end or mark),
    `event_name`, `uuid`, `parent_uuid`, `category`, `timestamp_ns`, `duration_ns`, `status` and
    `error_type`, None where there is nothing to say. Its place in the code is where the event was
    emitted. Marks that `scopeflow.logging_handler` made are not logged again.

    A handler that raises is a subscriber that fails (S5.2). The start of the last 10,000 open
    scopes is remembered, for durations. Raises TypeError.

    >>> import logging, sys
    >>> logger = logging.Logger("mine")
    >>> logger.addHandler(logging.StreamHandler(sys.stdout))
    >>> with subscribers.logging(logger):
    ...     tools.execute_sync("search", {"query": "x"}, lambda args: "found")
    start tool search
    end tool search in ... ms: OK
    'found'
    """
    from . import _logging

    return _logging.registration(default_runtime, logger, level, name, data)


__all__ = [
    "console",
    "deregister",
    "flush",
    "flush_async",
    "logging",
    "register",
    "subscriber",
]
