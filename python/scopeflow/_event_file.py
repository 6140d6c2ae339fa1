"""Event files, read one event at a time: what `read_atof` does."""

from __future__ import annotations

import io
import os

from ._native import (
    AtofItem,
    AtofItemKind,
    InvalidArgument,
    InvalidJson,
    InvalidUtf8,
    LimitExceeded,
    ScopeflowError,
    default_runtime,
    read_event,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from typing import IO, Any, Literal

    from ._native import MarkEvent, Runtime, ScopeEvent

    Source = str | os.PathLike[str] | os.PathLike[bytes] | IO[bytes] | IO[str] | Iterable[bytes]

CHUNK_BYTES = 65_536
"""What is read of a source at a time; held beside the line that is being read."""

LINE_LIMIT_BYTES = 16 << 20
_ERRORS = {kind.status: kind for kind in (InvalidArgument, InvalidJson, InvalidUtf8, LimitExceeded)}


class BadLine:
    """A line of an event file that is no event, as `on_bad_line` is told of it.

    line_number: Its number; the first line is 1.
    offset_bytes: Where in the input the mistake is.
    line: The line, without its end; empty where it is too long or no UTF-8.
    message: What is wrong, and where in the input.
    error: The exception that `on_bad_line="raise"` raises; names the file, too.

    >>> def show(bad):
    ...     print(bad.line_number, bad.line, bad.message)
    >>> list(read_atof([b"no event"], on_bad_line=show))
    1 no event invalid JSON: line 1, offset 0: a line holds one object
    []
    """

    __slots__ = ("error", "line", "line_number", "message", "offset_bytes")

    def __init__(self, item: AtofItem, title: str) -> None:
        self.line_number: int = item.line_number
        self.offset_bytes: int = item.offset_bytes
        self.line: str = item.line
        self.message: str = item.message
        text = f"{title}: {item.message}" if title else item.message
        self.error: ScopeflowError = _ERRORS[item.problem](text)

    def __repr__(self) -> str:
        return f"<BadLine {self.message}>"


def read_atof(
    source: Source,
    *,
    on_bad_line: Literal["raise", "skip"] | Callable[[BadLine], object] = "raise",
    line_limit_bytes: int = LINE_LIMIT_BYTES,
) -> Generator[ScopeEvent | MarkEvent, None, None]:
    """The events of an event file, one after the other: a generator.

    source: A path; a file open for reading, binary or text; or an iterable of bytes, in chunks of
        any size that may end anywhere.
    on_bad_line: What becomes of a line that is no event. `raise`: an error says which line, where
        and what is wrong, and reading ends. `skip`: it is passed over. A function: it is called
        with a BadLine, and reading goes on.
    line_limit_bytes: Longest line, 64 to 2**30; a longer one is a bad line, and is not kept.

    The events are those that a subscriber gets, and may be kept. Files of NeMo Flow and NeMo Relay
    are read, too: unknown keys and categories, keys in any order, CRLF, a byte order mark and blank
    lines are no mistakes, and a time may have any offset. `timestamp` gives it in UTC; `to_json`
    gives the line as it stands.

    No more is held than the line that is being read. The file that a path names is opened at once,
    and closed at the end, at an error, or when the generator is closed or dropped; any other source
    stays open. Reading ends where the file ends then. To follow one that grows, give an iterable
    that waits for more. A generator serves one thread at a time.

    Raises OSError where the path cannot be opened, TypeError, InvalidArgument; while reading
    InvalidJson, InvalidUtf8, InvalidArgument or LimitExceeded for a bad line, and what the source
    raises.

    >>> exporter = AtofExporter(AtofExporterConfig())
    >>> exporter.register("file")
    >>> with scope.scope("plan", ScopeType.Agent):
    ...     scope.event("cache miss", data={"key": "weather"})
    >>> exporter.shutdown()
    >>> for event in read_atof(exporter.path):
    ...     print(event.line_number, event.scope_category or "mark", event.name, event.data)
    1 start plan None
    2 mark cache miss {'key': 'weather'}
    3 end plan None
    """
    on_bad = _reaction(on_bad_line)
    reader = default_runtime.atof_reader_new(default_runtime, line_limit_bytes)
    events = _events(source, default_runtime, reader, on_bad)
    next(events)  # What is wrong with the source shows now; and what is open will be closed.
    return events


def _reaction(on_bad_line: object) -> Callable[[BadLine], object]:
    if on_bad_line == "raise":
        return _raise
    if on_bad_line == "skip":
        return _skip
    if not callable(on_bad_line):
        raise TypeError(f"on_bad_line must be 'raise', 'skip' or a function, not {on_bad_line!r}")
    return on_bad_line


def _raise(bad: BadLine) -> None:
    raise bad.error


def _skip(bad: BadLine) -> None:
    """Says nothing."""


def _events(
    source: Any, runtime: Runtime, reader: Any, on_bad: Callable[[BadLine], object]
) -> Generator[Any, None, None]:
    title, chunks, ours = _open(source)
    try:
        yield None
        for chunk in chunks:
            for piece in _pieces(chunk):
                runtime.atof_reader_feed(reader, piece)
                yield from _whole_lines(reader, title, on_bad)
        runtime.atof_reader_finish(reader)
        yield from _whole_lines(reader, title, on_bad)
    finally:
        if ours is not None:
            ours.close()


def _whole_lines(
    reader: Any, title: str, on_bad: Callable[[BadLine], object]
) -> Iterator[ScopeEvent | MarkEvent]:
    while True:
        found = read_event(reader)
        if not isinstance(found, AtofItem):
            yield found
        elif found.item is AtofItemKind.BadLine:
            on_bad(BadLine(found, title))
        else:
            return


# --- Sources ---


def _open(source: Any) -> tuple[str, Iterable[bytes | str], IO[bytes] | None]:
    """What bad lines are told to be of, what gives the bytes, and what is to be closed."""
    if isinstance(source, (str, os.PathLike)):
        file = open(source, "rb")
        return os.fsdecode(source), _chunks(file.read1), file
    if hasattr(source, "read"):
        return _title(source), _chunks(_reading(source)), None
    if isinstance(source, (bytes, bytearray, memoryview)) or not hasattr(source, "__iter__"):
        raise TypeError(
            "source must be a path, a file or an iterable of bytes, not "
            f"{type(source).__name__}; for bytes in memory, [them]"
        )
    return "", source, None


def _title(file: Any) -> str:
    name = getattr(file, "name", "")
    return name if isinstance(name, str) else ""


def _reading(file: Any) -> Callable[[int], bytes | str]:
    """What gives no more than is asked for, and waits for no more than there is: from a pipe comes
    a line as soon as it is written."""
    if isinstance(file, io.TextIOBase):
        return file.readline
    read: Callable[[int], bytes | str] = getattr(file, "read1", file.read)
    return read


def _chunks(read: Callable[[int], bytes | str]) -> Iterator[bytes | str]:
    while chunk := read(CHUNK_BYTES):
        yield chunk
    if chunk is None:
        raise BlockingIOError("the file has nothing to read now, and does not wait for more")


def _pieces(chunk: object) -> Iterator[bytes]:
    """The bytes of a chunk, no more at a time than is read of a file."""
    if isinstance(chunk, str):
        # What no UTF-8 can say becomes a bad line, as it does in a binary file.
        chunk = chunk.encode("utf-8", "surrogatepass")
    if not isinstance(chunk, (bytes, bytearray, memoryview)):
        raise TypeError(f"source must give bytes or str, not {type(chunk).__name__}")
    whole = bytes(chunk)
    for start in range(0, len(whole), CHUNK_BYTES):
        yield whole[start : start + CHUNK_BYTES]


__all__ = ["BadLine", "read_atof"]
