"""Events on a terminal, line by line as they happen, indented as the tree that they form."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from ._cli import reader, render
from ._cli.text import duration, escape
from ._scoped import Registration

if TYPE_CHECKING:
    from typing import Any, TextIO

    from rich.live import Live

    from ._native import MarkEvent, Runtime, ScopeEvent

OPEN_LIMIT = 10_000
"""Open scopes that are remembered, to indent what is below them and to tell how long they took."""

DEPTH_LIMIT = 32
"""Levels that are indented."""

SHOWN_LIMIT = 12
"""Open scopes that are shown at the foot of a terminal."""

_COLOURS = {reader.ERROR: "red", reader.REFUSED: "yellow", reader.OK: "green"}


class _Open(NamedTuple):
    depth: int
    label: str
    time_ns: int


class Console:
    """The subscriber. One thread at a time writes; what cannot be written is given up."""

    def __init__(self, out: Output, style: render.Style) -> None:
        self._out = out
        self._style = style
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._lock = threading.Lock()
        self._is_silent = False

    def start(self) -> None:
        """Begins to show."""
        with self._lock:
            self._is_silent = False
            self._open.clear()
            self._out.start()

    def stop(self) -> None:
        """Shows no more."""
        with self._lock:
            self._is_silent = True
            self._attempt(self._out.stop)

    def __call__(self, event: ScopeEvent | MarkEvent) -> None:
        shown = reader.from_event(event, with_tokens=False)
        with self._lock:
            if not self._is_silent:
                self._attempt(self._show, shown)

    def _attempt(self, action: Any, *arguments: object) -> None:
        try:
            action(*arguments)
        except (OSError, ValueError):  # The terminal is gone, or the file is closed.
            self._is_silent = True

    def _show(self, event: reader.Event) -> None:
        parent = self._open.get(event.parent_uuid or "")
        depth = 0 if parent is None else parent.depth + 1
        label = escape(event.name, reader.NAME_LIMIT)
        if event.kind is reader.MARK:
            since = None if parent is None else parent.time_ns
            self._write(depth, f"{self._style.mark}{label}", self._elapsed(since, event), event)
            return
        label = f"{escape(event.category, reader.NAME_LIMIT) or 'unknown'} {label}"
        if event.kind is reader.START:
            self._open[event.uuid] = _Open(depth, label, event.time_ns)
            if len(self._open) > OPEN_LIMIT:
                self._open.popitem(last=False)
            self._write(depth, label, "", event)
            return
        known = self._open.pop(event.uuid, None)
        if known is None:
            self._write(depth, label, "-", event)
        else:
            self._write(known.depth, label, self._elapsed(known.time_ns, event), event)

    def _elapsed(self, since_ns: int | None, event: reader.Event) -> str:
        if since_ns is None:
            return ""
        text = duration(event.time_ns - since_ns, self._style.micro)
        return f"+{text}" if event.kind is reader.MARK else text

    def _write(self, depth: int, label: str, time: str, event: reader.Event) -> None:
        indent = self._style.pipe * min(depth, DEPTH_LIMIT)
        head = {reader.START: self._style.fork, reader.END: self._style.last}.get(event.kind, "")
        status = "" if event.status == reader.UNSET else event.status
        detail = escape(event.detail, reader.DETAIL_LIMIT)
        outcome = ": ".join(text for text in (status, detail) if text)
        line = "  ".join(text for text in (f"{indent}{head}{label}", time, outcome) if text)
        if self._style.is_ascii:
            line = line.encode("ascii", "backslashreplace").decode()
        newest = list(self._open.values())[-SHOWN_LIMIT:] if self._out.shows_open else []
        self._out.write(line, _COLOURS.get(event.status, ""), newest)


class Output:
    """Plain text."""

    shows_open = False

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def start(self) -> None:
        """Nothing to begin."""

    def write(self, line: str, colour: str, newest: list[_Open]) -> None:
        self._file.write(line + "\n")
        self._file.flush()

    def stop(self) -> None:
        """Nothing to end."""


class RichOutput(Output):
    """With colours, and the open scopes at the foot."""

    shows_open = True

    def __init__(self, file: TextIO) -> None:
        super().__init__(file)
        from rich.console import Console as RichConsole
        from rich.text import Text

        self._text = Text
        self._console = RichConsole(file=file, highlight=False)
        self._live = self._new_live()

    def _new_live(self) -> Live:
        from rich.live import Live

        # Refreshed with each event: it needs no thread.
        return Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False
        )

    def start(self) -> None:
        self._live = self._new_live()
        self._live.start()

    def write(self, line: str, colour: str, newest: list[_Open]) -> None:
        self._live.console.print(self._text(line, style=colour), soft_wrap=True)
        below = "\n".join("  " * min(one.depth, DEPTH_LIMIT) + one.label for one in newest)
        self._live.update(self._text(below, style="dim"), refresh=True)

    def stop(self) -> None:
        self._live.stop()


def registration(
    runtime: Runtime, file: TextIO | None, rich: bool | None, name: str
) -> Registration:
    """What `subscribers.console` gives."""
    out: TextIO = sys.stderr if file is None else file
    console = Console(_output_for(out, rich), render.style_for(out))

    def register() -> None:
        runtime.register_subscriber(name, console)
        console.start()

    def deregister(name: str) -> bool:
        removed = runtime.deregister_subscriber(name)
        console.stop()
        return removed

    return Registration(register, deregister, (name,), {})


def _output_for(file: TextIO, rich: bool | None) -> Output:
    if rich is False or (rich is None and not file.isatty()):
        return Output(file)
    try:
        return RichOutput(file)
    except ImportError:
        if rich is None:
            return Output(file)
        raise ImportError(
            "subscribers.console(rich=True) needs the package rich: pip install scopeflow[console]"
        ) from None
