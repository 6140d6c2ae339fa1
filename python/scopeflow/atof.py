"""Events to a file, a line each, in the ATOF 0.1 format. The core writes the lines."""

from __future__ import annotations

import os

from ._native import AtofExporterMode, default_runtime
from .errors import InvalidState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._native import AtofSink, Runtime


class AtofExporterConfig:
    """Where an AtofExporter writes.

    output_directory: Folder of the file; made if it does not exist. The working directory by
        default.
    filename: Name of the file; by default `scopeflow-<process id>.jsonl`.
    mode: AtofExporterMode.Append (default) or Overwrite.
    """

    def __init__(self) -> None:
        self.output_directory: str | os.PathLike[str] = os.getcwd()
        self.filename: str | os.PathLike[str] = f"scopeflow-{os.getpid()}.jsonl"
        self.mode = AtofExporterMode.Append

    def __repr__(self) -> str:
        return (
            f"AtofExporterConfig(output_directory={self.output_directory!r}, "
            f"filename={self.filename!r}, mode={self.mode!r})"
        )


class AtofExporter:
    """A subscriber that appends each event to a file, which is opened here with mode 0600.

    Raises InvalidState when the file cannot be opened, with the system's reason.
    """

    def __init__(self, config: AtofExporterConfig, *, runtime: Runtime = default_runtime) -> None:
        self.path = os.path.join(os.fspath(config.output_directory), os.fspath(config.filename))
        self._runtime = runtime
        self._names: list[str] = []
        self._sink: AtofSink | None = runtime.atof_sink_open(self.path, config.mode)

    def register(self, name: str) -> None:
        """Starts to write. Raises AlreadyExists, InvalidArgument."""
        self._runtime.atof_sink_register(self._open_sink(), self._runtime, name)
        self._names.append(name)

    def deregister(self, name: str) -> bool:
        """Stops writing; whether the name was registered by this exporter."""
        if name not in self._names:
            return False
        self._names.remove(name)
        return self._runtime.deregister_subscriber(name)

    def force_flush(self) -> None:
        """Raises InvalidState if an event since the last flush could not be written."""
        self._runtime.runtime_flush()
        self._runtime.atof_sink_flush(self._open_sink())

    def shutdown(self) -> None:
        """Flushes, removes its registrations and closes the file. A second time does nothing."""
        if self._sink is None:
            return
        try:
            self.force_flush()
        finally:
            for name in list(self._names):
                self.deregister(name)
            self._sink = None

    def _open_sink(self) -> AtofSink:
        if self._sink is None:
            raise InvalidState(f"the exporter of {self.path} has been shut down")
        return self._sink


__all__ = ["AtofExporter", "AtofExporterConfig"]
