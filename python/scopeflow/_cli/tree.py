"""`scopeflow tree`: an ATOF file as a tree, in bounded memory."""

from __future__ import annotations

import argparse
import sys
from typing import BinaryIO, TextIO

from .._event_file import BadLine, read_atof
from . import reader, render
from .forest import Forest, Limits, Tree

EXIT_OK = 0
EXIT_BROKEN_LINES = 1
EXIT_NO_FILE = 2

LINE_LIMIT_BYTES = 8 * 1024 * 1024
_PROBLEMS_SHOWN = 20

_DESCRIPTION = """\
Prints the scopes and marks of an ATOF event file as a tree, with durations and statuses. A call
of a model is shown with its tokens, prompt + completion, and with what it has cost, where a codec
said so; an agent with those of all its calls, the cost if that of each is known.
Files of scopeflow, nemo-flow and nemo-relay are read."""

_EPILOG = """\
Exit status: 0 all lines were read; 1 some were not, and stderr says which; 2 no file, or wrong
arguments. Memory does not grow with the file: what exceeds the limits is counted in a line `more`.
A line longer than 8 MiB is passed over."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the argument parser."""
    limits = Limits()
    parser = commands.add_parser(
        "tree",
        help="print an event file as a tree",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", metavar="FILE", help="event file in JSON lines; - is standard input"
    )
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    for name, default, text in (
        ("children", limits.children, "lines shown under one scope"),
        ("depth", limits.depth, "levels shown"),
        ("nodes", limits.nodes, "scopes and marks held at a time to be shown"),
        ("open", limits.open, "open scopes held at a time only to be counted"),
    ):
        help_text = f"{text} ({default:,})"
        parser.add_argument(
            f"--{name}", type=_positive, default=default, metavar="N", help=help_text
        )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; return its exit code."""
    limits = Limits(options.children, options.depth, options.nodes, options.open)
    out = sys.stdout
    style = render.ASCII if options.ascii else render.style_for(out)
    reconfigure = getattr(out, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    if options.file == "-":
        return _Printer("standard input", limits, style, out).print(sys.stdin.buffer)
    try:
        stream = open(options.file, "rb")
    except OSError as error:
        print(f"scopeflow: {options.file}: {error.strerror}", file=sys.stderr)
        return EXIT_NO_FILE
    with stream:
        return _Printer(options.file, limits, style, out).print(stream)


class _Printer:
    """Prints one file."""

    def __init__(self, title: str, limits: Limits, style: render.Style, out: TextIO) -> None:
        self._title = title
        self._style = style
        self._out = out
        self._forest = Forest(limits)
        self._problem_count = 0

    def print(self, stream: BinaryIO) -> int:
        events = read_atof(
            stream, on_bad_line=self._report_bad_line, line_limit_bytes=LINE_LIMIT_BYTES
        )
        for event in events:
            assert event.line_number is not None
            ready, trouble = self._forest.add(event.line_number, reader.from_event(event))
            if trouble:
                self._report(f"line {event.line_number}: {trouble}")
            for tree in ready:
                self._print_tree(tree)
        for tree in self._forest.finish():
            self._print_tree(tree)
        self._print_rest()
        return EXIT_BROKEN_LINES if self._problem_count else EXIT_OK

    def _print_tree(self, tree: Tree) -> None:
        for text in render.lines(tree, self._style):
            self._out.write(text + "\n")

    def _print_rest(self) -> None:
        overflow = self._forest.overflow
        if overflow is not None:
            self._out.write(
                f"{self._style.more}more  {render.folded_text(overflow, self._style)}\n"
            )
        self._out.flush()
        untracked = self._forest.untracked_count
        if untracked:
            self._say(f"{untracked:,} scopes were not followed: too many were open at once")
        if self._problem_count > _PROBLEMS_SHOWN:
            self._say(f"{self._problem_count - _PROBLEMS_SHOWN:,} more lines with problems")

    def _report_bad_line(self, bad: BadLine) -> None:
        self._report(f"{bad.message}, skipped")

    def _report(self, problem: str) -> None:
        self._problem_count += 1
        if self._problem_count <= _PROBLEMS_SHOWN:
            self._say(problem)

    def _say(self, text: str) -> None:
        print(f"scopeflow: {self._title}: {text}", file=sys.stderr)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value
