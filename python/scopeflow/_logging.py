"""Events as records of the standard library's loggers, and records as marks."""

from __future__ import annotations

import logging
import sys
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from . import _native
from ._cli import reader
from ._cli.text import duration, escape
from ._native import InvalidState, LogSeverity, default_runtime
from ._scoped import Registration

if TYPE_CHECKING:
    from typing import Any

    from ._native import MarkEvent, Runtime, ScopeEvent

OPEN_LIMIT = 10_000
"""Open scopes of which the start is remembered, to tell how long they took."""

LOGGER_NAME = "scopeflow.events"
LOGGER_KEY = "python.logger"
"""In a mark's metadata, the name of the logger whose record it was."""

EXCEPTION_KEYS = ("exception.type", "exception.message")
"""As in OpenTelemetry, like those of the place in the code."""

TRACE = logging.DEBUG // 2
"""What logging has no name for."""

_LEVELS = {
    LogSeverity.Trace: TRACE,
    LogSeverity.Debug: logging.DEBUG,
    LogSeverity.Info: logging.INFO,
    LogSeverity.Warn: logging.WARNING,
    LogSeverity.Error: logging.ERROR,
}
_STOPPED = ("cancelled", "abandoned")
"""Errors of scopes in which nothing failed."""


# --- Events as records ---


class EventLog:
    """The subscriber: a record for each event."""

    def __init__(self, logger: logging.Logger, level: int, with_data: bool) -> None:
        self._logger = logger
        self._level = level
        self._with_data = with_data
        # Changed by one operation at a time, each of which is whole: it needs no lock, of which a
        # forked child might get the other half.
        self._started_ns: OrderedDict[str, int] = OrderedDict()

    def __call__(self, event: ScopeEvent | MarkEvent) -> None:
        duration_ns = self._follow(event)
        if not self._logger.isEnabledFor(max(logging.ERROR, self._level)) or _was_record(event):
            return
        status, detail = _outcome_of(event)
        level = _level_of(event, status, self._level)
        if self._logger.isEnabledFor(level):
            self._logger.log(
                level,
                self._text(event, duration_ns, status, detail),
                extra=self._fields(event, duration_ns),
                stacklevel=_level_of_emitter(),
            )

    def forget(self) -> None:
        """What began before is not known any more."""
        self._started_ns.clear()

    def _follow(self, event: ScopeEvent | MarkEvent) -> int | None:
        """How long what ends took, if its start was seen."""
        if event.scope_category == "end":
            started_ns = self._started_ns.pop(event.uuid, None)
            return None if started_ns is None else event.timestamp_ns - started_ns
        if event.scope_category == "start":
            self._started_ns[event.uuid] = event.timestamp_ns
            if len(self._started_ns) > OPEN_LIMIT:
                self._started_ns.popitem(last=False)
        return None

    def _text(
        self, event: ScopeEvent | MarkEvent, duration_ns: int | None, status: str, detail: str
    ) -> str:
        words = [event.scope_category or event.kind, escape(event.name, reader.NAME_LIMIT)]
        if event.kind == "scope":
            category = reader.category_of(event.category, event.category_profile)
            words.insert(1, escape(category, reader.NAME_LIMIT))
        if duration_ns is not None:
            words += ["in", duration(duration_ns)]
        parts = [" ".join(words)]
        if status != reader.UNSET:
            parts += [status, escape(detail, reader.DETAIL_LIMIT)]
        if self._with_data:
            parts.append(escape(reader.payload_text(event.data), reader.DETAIL_LIMIT))
        return ": ".join(part for part in parts if part)

    def _fields(self, event: ScopeEvent | MarkEvent, duration_ns: int | None) -> dict[str, Any]:
        metadata = _metadata_of(event) if event.scope_category == "end" else {}
        fields = {
            "scopeflow_event": event.scope_category or "mark",
            "event_name": event.name,
            "uuid": event.uuid,
            "parent_uuid": event.parent_uuid,
            "category": event.category,
            "timestamp_ns": event.timestamp_ns,
            "duration_ns": duration_ns,
            "status": metadata.get("otel.status_code"),
            "error_type": metadata.get("error.type"),
        }
        if self._with_data:
            fields["data"] = event.data
        return fields


def _metadata_of(event: ScopeEvent | MarkEvent) -> dict[str, Any]:
    metadata = event.metadata
    return metadata if isinstance(metadata, dict) else {}


def _was_record(event: ScopeEvent | MarkEvent) -> bool:
    """Whether it is a mark of `logging_handler`, which loggers have had already."""
    return event.kind == "mark" and LOGGER_KEY in _metadata_of(event)


def _outcome_of(event: ScopeEvent | MarkEvent) -> tuple[str, str]:
    if event.kind == "mark":
        return reader.mark_outcome(event.data)
    if event.scope_category == "start":
        return reader.UNSET, ""
    return reader.scope_outcome(event.metadata)


def _level_of(event: ScopeEvent | MarkEvent, status: str, usual: int) -> int:
    if event.kind == "mark" and event.severity is not None:
        return _LEVELS[event.severity]
    if status == reader.REFUSED:
        return logging.WARNING
    if status != reader.ERROR:
        return usual
    has_failed = _metadata_of(event).get("error.type") not in _STOPPED
    return logging.ERROR if has_failed else logging.WARNING


def _level_of_emitter() -> int:
    """How far above the call of the logger stands the line that emitted the event, such as that of
    a decorated function's caller."""
    level = 2
    frame = sys._getframe(1).f_back
    while frame is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
        level += 1
    return level


def registration(
    runtime: Runtime, logger: logging.Logger | str | None, level: int, name: str, with_data: bool
) -> Registration:
    """What `subscribers.logging` gives."""
    found: object = LOGGER_NAME if logger is None else logger
    if isinstance(found, str):
        found = logging.getLogger(found)
    if not isinstance(found, logging.Logger):
        raise TypeError(f"logger must be a logging.Logger or a name, not {type(logger).__name__}")
    if type(level) is not int:
        raise TypeError(f"level must be int, such as logging.INFO, not {type(level).__name__}")
    log = EventLog(found, level, with_data)

    def register() -> None:
        log.forget()
        runtime.register_subscriber(name, log)

    return Registration(register, runtime.deregister_subscriber, (name,), {})


# --- Records as marks ---


class MarkHandler(logging.Handler):
    """The handler: a mark for each record."""

    def __init__(self, level: int | str, runtime: Runtime | None) -> None:
        super().__init__(level)
        self._runtime = runtime
        self._thread = threading.local()

    def handle(self, record: logging.LogRecord) -> Any:
        """As every handler, but without its lock: what is called for a mark may wait for another
        thread that logs."""
        kept = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return kept

    def emit(self, record: logging.LogRecord) -> None:
        if _is_ours(record) or _native.is_serving() or getattr(self._thread, "is_inside", False):
            return
        self._thread.is_inside = True
        try:
            self._mark(record)
        except InvalidState:
            pass  # The runtime is closed: there is nobody left to be told.
        except Exception:
            self.handleError(record)
        finally:
            self._thread.is_inside = False

    def _mark(self, record: logging.LogRecord) -> None:
        runtime = default_runtime if self._runtime is None else self._runtime
        message = record.getMessage() if self.formatter is None else self.format(record)
        runtime.scope_event(
            record.name,
            data=message,
            metadata=_metadata_of_record(record),
            severity=_severity_of(record.levelno),
        )


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether it tells of the runtime or of an event: its mark would be told again, without end."""
    is_own_logger = record.name == "scopeflow" or record.name.startswith("scopeflow.")
    return is_own_logger or hasattr(record, "scopeflow_event")


def _metadata_of_record(record: logging.LogRecord) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        LOGGER_KEY: record.name,
        "code.file.path": record.pathname,
        "code.line.number": record.lineno,
        "code.function.name": record.funcName,
    }
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if error is not None:
        metadata.update(zip(EXCEPTION_KEYS, (type(error).__name__, str(error)), strict=True))
    return metadata


def _severity_of(level: int) -> LogSeverity:
    if level < logging.DEBUG:
        return LogSeverity.Trace
    if level < logging.INFO:
        return LogSeverity.Debug
    if level < logging.WARNING:
        return LogSeverity.Info
    return LogSeverity.Warn if level < logging.ERROR else LogSeverity.Error


def logging_handler(
    level: int | str = logging.NOTSET, *, runtime: Runtime | None = None
) -> logging.Handler:
    """A handler for the standard library's loggers that makes each record a mark under the scope
    that is current where it is logged.

    level: Lowest level, as for every logging.Handler.
    runtime: The Runtime; by default the one that is the default when a record is logged.

    The mark is called as the logger is, its data is the message, which a formatter may make, its
    severity follows from the level; the place in the code, and the type and text of an exception,
    stand in its metadata. Mark sanitizers see it like any other mark.

    No mark is made of what the loggers `scopeflow` and those below it say, of what
    `subscribers.logging` says, of what a subscriber logs while it is served, nor of what is logged
    while the mark itself is emitted: so nothing is told without end. A thread of your own that
    works for a subscriber should use a logger that this handler does not get. A record that cannot
    be formatted is told by `logging.Handler.handleError`, and fails nobody.

    >>> import logging
    >>> logger = logging.Logger("app")
    >>> logger.addHandler(logging_handler())
    >>> with testing.capture() as events:
    ...     logger.warning("the disk is nearly full")
    >>> events[0].data, events[0].severity
    ('the disk is nearly full', LogSeverity.Warn)
    """
    return MarkHandler(level, runtime)


__all__ = ["logging_handler"]
