"""Events to a file and from one, a line each, in the ATOF 0.1 format. The core writes and reads
the lines.

>>> exporter = AtofExporter(AtofExporterConfig())
>>> exporter.register("file")
>>> scope.event("cache miss")
>>> exporter.shutdown()
>>> [event.name for event in read_atof(exporter.path)]
['cache miss']
"""

from __future__ import annotations

import os
import weakref

from ._event_file import BadLine, read_atof
from ._native import AtofExporterMode, SinkDelivery, SinkOverflow, default_runtime
from .errors import InvalidArgument, InvalidState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._native import AtofSink, Runtime, SinkStats

_NS_PER_S = 1_000_000_000
_exporters: weakref.WeakSet[AtofExporter] = weakref.WeakSet()


class AtofExporterConfig:
    """Where an AtofExporter writes, and how.

    output_directory: Folder of the file; made if it does not exist. The working directory by
        default.
    filename: Name of the file; by default `scopeflow-<process id>.jsonl`.
    mode: AtofExporterMode.Append (default) or Overwrite.
    delivery: SinkDelivery.Queued (default): a worker thread in the core writes many lines at a
        time, the process drains the queue when it exits, and one that is killed loses what waits.
        SinkDelivery.Written: each line is in the file before the call that emitted it returns.
    overflow: What happens when the queue is full: SinkOverflow.Block (default) waits, Drop leaves
        the event out and tells how many in a mark `events dropped`, Spill takes it to a file
        beside, `<path>.spill`, until there is room.
    queue_limit_bytes, queue_event_limit: What the queue holds at most; 8 MiB and 65,536 events by
        default.
    spill_limit_bytes: Largest size of the spill file, 1 GiB by default; beyond it events are
        dropped.
    delay_ns: Longest time that a line waits for others to be written with; 10 ms by default.
    exit_timeout_ns: How long a deregistration and the end of the process wait for what is queued;
        2 s by default.
    file_limit_bytes: Largest size of the file before it is renamed to `<path>.1`, that to
        `<path>.2` and so on; 0 (default) means no limit.
    kept_file_count: How many renamed files are kept, 5 by default.

    >>> config = AtofExporterConfig()
    >>> config.filename = "run.jsonl"
    >>> config.delivery = SinkDelivery.Written
    >>> exporter = AtofExporter(config)
    >>> exporter.register("file")
    >>> scope.event("cache miss")
    >>> [event.name for event in read_atof("run.jsonl")]
    ['cache miss']
    """

    def __init__(self) -> None:
        self.output_directory: str | os.PathLike[str] = os.getcwd()
        self.filename: str | os.PathLike[str] = f"scopeflow-{os.getpid()}.jsonl"
        self.mode: AtofExporterMode = AtofExporterMode.Append
        self.delivery: SinkDelivery = SinkDelivery.Queued
        self.overflow: SinkOverflow = SinkOverflow.Block
        self.queue_limit_bytes = 8 << 20
        self.queue_event_limit = 65_536
        self.spill_limit_bytes = 1 << 30
        self.delay_ns = 10_000_000
        self.exit_timeout_ns = 2 * _NS_PER_S
        self.file_limit_bytes = 0
        self.kept_file_count = 5

    def __repr__(self) -> str:
        return (
            f"AtofExporterConfig(output_directory={self.output_directory!r}, "
            f"filename={self.filename!r}, mode={self.mode!r}, delivery={self.delivery!r}, "
            f"overflow={self.overflow!r})"
        )


class AtofExporter:
    """A subscriber that appends each event to a file, which is opened here with mode 0600.

    config: An AtofExporterConfig, which is read here and no more.
    runtime: The Runtime whose events are written, the default one by default.

    The attribute `path` is the file's path. Raises InvalidState when the file cannot be opened,
    with the system's reason.

    >>> exporter = AtofExporter(AtofExporterConfig())
    >>> exporter.register("file")
    >>> scope.event("cache miss")
    >>> exporter.shutdown()
    >>> [event.name for event in read_atof(exporter.path)]
    ['cache miss']
    """

    def __init__(self, config: AtofExporterConfig, *, runtime: Runtime | None = None) -> None:
        runtime = default_runtime if runtime is None else runtime
        self.path: str = os.path.join(
            os.fspath(config.output_directory), os.fspath(config.filename)
        )
        self._runtime = runtime
        self._names: list[str] = []
        _exporters.add(self)
        self._sink: AtofSink | None = runtime.atof_sink_open(
            self.path,
            config.mode,
            delivery=config.delivery,
            overflow=config.overflow,
            queue_limit=config.queue_limit_bytes,
            queue_event_limit=config.queue_event_limit,
            spill_limit=config.spill_limit_bytes,
            delay=config.delay_ns,
            exit_timeout=config.exit_timeout_ns,
            file_limit=config.file_limit_bytes,
            kept_file_count=config.kept_file_count,
        )

    def register(self, name: str) -> None:
        """Starts to write.

        name: What it is registered under, as a subscriber of the runtime.

        Raises AlreadyExists, InvalidArgument, InvalidState after `shutdown`, TypeError.

        >>> exporter = AtofExporter(AtofExporterConfig())
        >>> exporter.register("file")
        >>> exporter.register("file")
        Traceback (most recent call last):
            ...
        scopeflow._native.AlreadyExists: already exists: subscriber 'file'
        """
        self._runtime.atof_sink_register(self._open_sink(), self._runtime, name)
        self._names.append(name)

    def deregister(self, name: str) -> bool:
        """Stops writing once what is queued is in the file; whether this exporter had the name.

        >>> exporter = AtofExporter(AtofExporterConfig())
        >>> exporter.register("file")
        >>> exporter.deregister("file"), exporter.deregister("file")
        (True, False)
        """
        if name not in self._names:
            return False
        self._names.remove(name)
        return self._runtime.deregister_subscriber(name)

    def force_flush(self, timeout_s: float = 30.0) -> None:
        """Waits until every event that was emitted before is in the file; other threads run on.

        timeout_s: How long to wait at most, in seconds.

        Raises LimitExceeded if the time was too short, InvalidState with the system's reason if an
        event since the last flush could not be written, and after `shutdown`, InvalidArgument for a
        time below 0.

        >>> exporter = AtofExporter(AtofExporterConfig())
        >>> exporter.register("file")
        >>> scope.event("cache miss")
        >>> exporter.force_flush(timeout_s=5)
        >>> [event.name for event in read_atof(exporter.path)]
        ['cache miss']
        """
        self._runtime.runtime_flush()
        if not timeout_s >= 0:
            raise InvalidArgument(f"timeout_s must be 0 or more, not {timeout_s}")
        self._runtime.atof_sink_flush(self._open_sink(), int(timeout_s * _NS_PER_S))

    def stats(self) -> SinkStats:
        """Counters of what was written, dropped, lost, spilled and still waits, a SinkStats.

        Raises InvalidState after `shutdown`.

        >>> exporter = AtofExporter(AtofExporterConfig())
        >>> exporter.register("file")
        >>> scope.event("cache miss")
        >>> exporter.force_flush()
        >>> exporter.stats().written_event_count
        1
        """
        return self._runtime.atof_sink_read_stats(self._open_sink())

    def shutdown(self) -> None:
        """Flushes, removes its registrations and closes the file. A second time does nothing.

        >>> exporter = AtofExporter(AtofExporterConfig())
        >>> exporter.register("file")
        >>> exporter.shutdown()
        >>> default_runtime.registrations()
        []
        """
        if self._sink is None:
            return
        try:
            self.force_flush()
        finally:
            for name in list(self._names):
                self.deregister(name)
            self._sink = None

    def __repr__(self) -> str:
        return "<AtofExporter>"

    def _open_sink(self) -> AtofSink:
        if self._sink is None:
            raise InvalidState(f"the exporter of {self.path} has been shut down")
        return self._sink


def registered_exporters(runtime: Runtime) -> list[AtofExporter]:
    """The exporters to which a runtime delivers."""
    return [e for e in _exporters if e._runtime is runtime and e._names]


__all__ = ["AtofExporter", "AtofExporterConfig", "BadLine", "read_atof"]
