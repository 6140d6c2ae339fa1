"""The runner of the vectors: a case's steps, done with scopeflow's Runtime."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json

import host_fixtures
import operations_gen as table

import scopeflow
from scopeflow import _native

MODES = ("sync", "async", "suspending")
DEFAULT_CLOCK_START = "1767225600000000000"


class Cancelled(asyncio.CancelledError):
    """The cancellation that vectors script."""


ERRORS = {"ValueError": ValueError, "LookupError": LookupError, "Cancelled": Cancelled}


class Session:
    """One case: its runtime, its labels, and what was seen."""

    def __init__(self, case, mode):
        self.case = case
        self.mode = mode
        options = case.get("runtime", {})
        self.runtime = scopeflow.Runtime(
            flags=scopeflow.RuntimeFlags.DETERMINISTIC | scopeflow.RuntimeFlags.CANONICAL,
            clock_start=int(options.get("clock_start", DEFAULT_CLOCK_START)),
            clock_step=int(options.get("clock_step", 1_000_000)),
            payload_budget=options.get("payload_budget", 1_048_576),
        )
        self.contexts = {"main": contextvars.Context()}
        self.entered = []  # Names of the contexts that are running, the innermost last.
        self.labels = {}
        self.events = {}
        self.calls = []
        self.thrown = []  # Error objects that targets and callables let out.

    def run(self):
        self.steps(self.case["steps"], "main")

    def check(self):
        expected = self.case.get("expect", {})
        for label, lines in expected.get("events", {}).items():
            assert self.events.get(label, []) == lines
        if "calls" in expected:
            assert self.calls == expected["calls"]
        stats = self.runtime.stats()
        for name, value in expected.get("stats", {}).items():
            assert (name, str(getattr(stats, name))) == (name, value)

    # --- Steps ---

    def steps(self, steps, context):
        """Does steps that happen in `context` unless they say otherwise."""
        for step in steps:
            self.step(step, step.get("context", context))

    def step(self, step, context):
        if "fork" in step:
            self.contexts[step["context"]] = self.inside(step["fork"], contextvars.copy_context)
        elif "abandon" in step:
            self.abandon(step["abandon"])
        else:
            self.inside(context, self.operation, step)

    def inside(self, context, function, *arguments):
        """Calls in a named context, which is entered unless it is running already."""
        if self.entered and self.entered[-1] == context:
            return function(*arguments)
        self.entered.append(context)
        try:
            return self.contexts[context].run(function, *arguments)
        finally:
            self.entered.pop()

    def abandon(self, label):
        handle = self.labels.pop(label)
        held = [
            name
            for name, context in self.contexts.items()
            if context.run(self.runtime.get_handle) is handle
        ]
        for name in held:
            del self.contexts[name]
        del handle
        gc.collect()

    def operation(self, step):
        operation = table.OPERATIONS[step["op"]]
        expected = step.get("expect", {})
        try:
            outcome = self.call(operation, step)
        except BaseException as error:
            if not isinstance(error, AssertionError):
                self.check_error(error, expected)
            if step.get("propagate") or isinstance(error, AssertionError):
                raise
            return
        assert not expected.keys() & {"status", "raise", "cancel"}, f"{step['op']} succeeded"
        if "as" in step:
            self.labels[step["as"]] = outcome
        if "out" in expected:
            check_out(operation, outcome, expected["out"])

    def check_error(self, error, expected):
        if "status" in expected:
            assert getattr(error, "code", repr(error)) == expected["status"]
            assert isinstance(error, scopeflow.ScopeflowError)
            if "message" in expected:
                assert str(error) == expected["message"]
            return
        told = expected.get("raise") or expected.get("cancel")
        assert told is not None, f"unexpected {error!r}"
        assert any(error is thrown for thrown in self.thrown)
        if isinstance(error, scopeflow.ScopeflowError):
            assert (error.code.title().replace("_", ""), str(error)) == (
                told["type"],
                told["message"],
            )
        else:
            assert (type(error).__name__, str(error)) == (told["type"], told["message"])

    def call(self, operation, step):
        positional = [self.label(step["on"])] if operation.on else []
        named = {}
        for name, value in step.get("args", {}).items():
            keyword, kind = operation.arguments[name]
            if kind == "callable":
                named[keyword] = self.callable(value, operation.id)
            else:
                named[keyword] = self.argument(kind, value)
        method = getattr(self.runtime, operation.id)
        if operation.id == "tool_execute":
            return self.execute(step, named)
        return method(*positional, **named)

    def execute(self, step, named):
        is_sync = bool(named.pop("flags", 0)) or self.mode == "sync"
        target, result = self.target(step.get("target"), named["args"])
        named["func"] = target if is_sync else self.as_async(target)
        if is_sync:
            outcome = self.runtime.tool_execute_sync(**named)
        else:
            outcome = complete(self.runtime.tool_execute(**named))
        assert outcome is result["value"], "the caller gets the target's own object (S4.4)"
        return outcome

    # --- What the runtime calls ---

    def target(self, script, request):
        context = self.entered[-1]
        result = {}

        def run(given):
            assert script is not None, "the target must not be called"
            assert given is request, "the target gets the caller's own object (S3.10)"
            if "label" in script:
                self.calls.append(script["label"])
            if "as" in script:
                self.labels[script["as"]] = self.runtime.get_handle()
            self.steps(script.get("steps", ()), context)
            self.throw(script)
            result["value"] = self.argument("payload", script["return"])
            return result["value"]

        return run, result

    def callable(self, script, registration):
        calls = iter(script.get("answers", ()))
        last = {}

        def answer():
            nonlocal last
            mine = last = next(calls, last)  # Its steps may call this callable again.
            self.steps(mine.get("steps", ()), self.entered[-1])
            self.throw(mine)
            return mine.get("refuse")

        def guard(name, request):
            self.calls.append(script["label"])
            assert isinstance(name, str)
            return answer()

        def subscriber(event):
            self.calls.append(script["label"])
            self.events.setdefault(script["label"], []).append(event.to_json())
            answer()

        called = subscriber if "subscriber" in registration else guard
        # Cases about the difference say themselves what is async.
        suspends = (
            self.mode == "suspending"
            and called is guard
            and "sync_and_async" not in self.case.get("needs", ())
        )
        return self.as_async(called) if script.get("async") or suspends else called

    def throw(self, script):
        told = script.get("raise") or script.get("cancel")
        if told is not None:
            self.thrown.append(ERRORS[told["type"]](told["message"]))
            raise self.thrown[-1]

    def as_async(self, function):
        async def run(*arguments):
            if self.mode == "suspending":
                await Pause()
            return function(*arguments)

        return run

    # --- Arguments ---

    def argument(self, kind, value):
        noun, _, name = kind.partition(".")
        if noun in ("enum", "flags"):
            return number_of(noun, name, value)
        if noun == "payload":
            return json.loads(value["json"]) if "json" in value else host_fixtures.make(value)
        if noun == "handle":
            return self.label(value)
        if noun == "error":
            return ERRORS[value["type"]](value["message"])
        if noun == "timestamp":
            return int(value)
        if noun == "string" and isinstance(value, dict):
            return value["text"] * value["times"]
        return value

    def label(self, name):
        if name == "root" and name not in self.labels:
            self.labels[name] = self.runtime.runtime_root()
        if name == "elsewhere" and name not in self.labels:
            self.labels[name] = scopeflow.Runtime().runtime_root()
        return self.labels[name]


class Pause:
    """Suspends once."""

    def __await__(self):
        yield


def complete(coroutine):
    """Drives a coroutine to its end, as an event loop would."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value


def number_of(noun, name, value):
    if noun == "flags":
        bits = table.FLAGS[name]
        return sum(bits[bit] for bit in value) if isinstance(value, list) else value
    of_class, members = table.ENUMS[name]
    return getattr(_native, of_class)(members.get(value, value))


def check_out(operation, outcome, expected):
    if not isinstance(expected, dict):
        assert outcome is expected
        return
    for name, value in expected.items():
        found = getattr(outcome, operation.fields[name])
        assert (name, plain(found, outcome)) == (name, value)


def plain(value, info):
    """A result as a vector writes it."""
    if isinstance(value, _native.Enumeration):
        members = next(m for c, m in table.ENUMS.values() if c == type(value).__name__)
        return next(name for name, number in members.items() if number == value.value)
    if isinstance(value, bool) or isinstance(value, str):
        return value
    flags = "tool_attribute" if info.type is scopeflow.ScopeType.Tool else "scope_attribute"
    if value is info.attributes:
        return sorted(name for name, bit in table.FLAGS[flags].items() if value & bit)
    return str(value)
