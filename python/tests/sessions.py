"""Runs the `>>>` examples of docstrings, as `python -m asyncio` would: they may await.

The standard library's doctest finds the examples and compares what they print. It runs them, too,
but none that awaits.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import contextvars
import doctest
import io
import sys
import types

FLAGS = doctest.ELLIPSIS
CHECKER = doctest.OutputChecker()


def steps_of(doc):
    return doctest.DocTestParser().get_examples(doc)


def run(doc, namespace):
    """Runs the examples of a docstring one after the other, in a context of their own."""
    session = Session(namespace)
    with session:
        for step in steps_of(doc):
            check(step, *session.run(step.source))


def check(step, printed, error):
    """Compares what a step printed or raised with what the docstring says."""
    if step.exc_msg is not None:
        printed = "no exception\n" if error is None else last_line(error)
    elif error is not None:
        raise error
    wanted = step.want if step.exc_msg is None else step.exc_msg
    if not CHECKER.check_output(wanted, printed, FLAGS):
        expecting = doctest.Example(step.source, wanted)
        difference = CHECKER.output_difference(expecting, printed, FLAGS)
        raise AssertionError(f"{step.source}{difference}")


def last_line(error):
    """What stands below a traceback, without notes, which Python 3.10 does not show."""
    kind = type(error)
    place = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{place}{kind.__qualname__}: {error}\n"


class Session:
    """An interpreter that may await: a namespace, a context, a loop and one output."""

    def __init__(self, namespace):
        self.namespace = {**namespace, "__builtins__": builtins}  # As `exec` would.
        self.context = contextvars.copy_context()
        self.output = io.StringIO()

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.display, sys.displayhook = sys.displayhook, sys.__displayhook__
        return self

    def __exit__(self, *raised):
        sys.displayhook = self.display
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def run(self, source):
        """What is printed, with the value of an expression, and the exception."""
        self.output.seek(0)
        self.output.truncate()
        error = None
        with contextlib.redirect_stdout(self.output):
            try:
                self.context.run(self.execute, source)
            except Exception as raised:
                error = raised
        return self.output.getvalue(), error

    def execute(self, source):
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(source, "<example>", "single", flags, dont_inherit=True)
        waiting = types.FunctionType(code, self.namespace)()
        if waiting is not None:
            self.loop.run_until_complete(waiting)
