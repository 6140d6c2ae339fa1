"""The runner of the vectors: a case's steps, done with scopeflow's Runtime. What the runtime calls
meanwhile is in scripts.py."""

from __future__ import annotations

import contextlib
import contextvars
import gc
import itertools
import json

import host_fixtures
import natively
import operations_gen as table
from scripts import ERRORS, ScriptedCall, Scripts, complete, is_it, text_of

import scopeflow
from scopeflow import LLMRequest, _native

MODES = ("sync", "async", "suspending", "native")
FEATURES = {"native", "sync_and_async", "subscriber_cancel", "tool_annotations"}
DEFAULT_CLOCK_START = "1767225600000000000"
# Operations in which async callables may be awaited; in all others they count as failed (S3.8).
AWAITING = {
    "tool_execute",
    "llm_execute",
    "llm_stream_execute",
    "tool_request_intercepts",
    "llm_request_intercepts",
    "tool_conditional_execution",
    "llm_conditional_execution",
}


class CannotLetGo(Exception):
    """A random case abandons what another handle keeps: it cannot be replayed here."""


class Session:
    """One case: its runtime, its labels, and what was seen."""

    def __init__(self, case, mode):
        self.case = case
        self.mode = mode
        self.natives = natively.Natives()
        options = case.get("runtime", {})
        self.runtime = scopeflow.Runtime(
            flags=scopeflow.RuntimeFlags.DETERMINISTIC | scopeflow.RuntimeFlags.CANONICAL,
            clock_start=int(options.get("clock_start", DEFAULT_CLOCK_START)),
            clock_step=int(options.get("clock_step", 1_000_000)),
            payload_budget=options.get("payload_budget", 1_048_576),
            credential_headers=options.get("credential_headers"),
        )
        self.contexts = {"main": contextvars.Context()}
        self.entered = []  # Names of the contexts that are running, the innermost last.
        self.labels = {}
        self.opened_in = {}  # Labels of scopes and the contexts in which they were opened.
        self.events = {}
        self.calls = []
        self.thrown = []  # Error objects that targets and callables let out.
        self.owned = []  # (payload of the application, its text): may not change (S3.10).
        self.scripts = Scripts(self)

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
        self.natives.check(expected.get("given_back"))
        for payload, text in self.owned:
            assert text_of(payload) == text, "the application's own object was changed"

    def close(self):
        """Ends what is still open, which could keep all of this for ever (S1.12). What callables
        make of that is no part of the case."""
        with contextlib.suppress(BaseException):
            self.inside("main", self.runtime.close)
        self.natives.let_go()

    def pass_callable(self):
        """Called by each callable of the case as it begins and after it has done something, and by
        a producer before each chunk."""

    # --- Steps ---

    def steps(self, steps, context):
        """Does steps that happen in `context` unless they say otherwise."""
        for step in steps:
            self.step(step, step.get("context", context))

    def steps_here(self, steps):
        self.steps(steps, self.entered[-1])

    def step(self, step, context):
        if "fork" in step:
            self.contexts[step["context"]] = self.inside(step["fork"], contextvars.copy_context)
        elif "abandon" in step:
            self.abandon(step["abandon"])
        else:
            self.inside(context, self.expecting, step)

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
        """An open scope keeps the context that it was opened in, and with it what is current there:
        where somebody still holds one, Python cannot let go of the handle."""
        handle = self.labels.pop(label)
        held = [
            name
            for name, context in self.contexts.items()
            if context.run(self.runtime.get_handle) is handle
        ]
        for name in held:
            del self.contexts[name]
        uuid, kind = handle.uuid, type(handle)
        del handle
        self.collect_garbage()
        if any(self.opened_in.get(other) in held for other in self.labels):
            tracked = (thing for thing in gc.get_objects() if type(thing) is kind)
            if any(thing.uuid == uuid for thing in tracked):
                raise CannotLetGo(label)

    def collect_garbage(self):
        """What the runner keeps of errors must not keep the frames of those who held a handle."""
        for error in self.thrown:
            error.__traceback__ = None
        gc.collect()

    def expecting(self, step):
        expected = step.get("expect", {})
        if isinstance(step.get("args", {}).get("flags"), int) and step["op"] in AWAITING:
            return  # Unknown bits: in Python the flags are methods and keywords.
        received = []
        before = self.snapshot()
        try:
            outcome = self.perform(step, received)
        except BaseException as error:
            if not isinstance(error, AssertionError):
                self.check_as_it_was(step, error, before)
                self.check_error(error, expected)
                self.check_chunks(received, expected)
            if step.get("propagate") or isinstance(error, AssertionError):
                raise
            return
        assert not expected.keys() & {"status", "raise", "cancel"}, f"{step} succeeded"
        self.check_chunks(received, expected)
        if "as" in step:
            self.labels[step["as"]] = outcome
            self.opened_in[step["as"]] = self.entered[-1]
        if "out" in expected:
            handle = self.label(step["on"]) if "on" in step else None
            check_out(table.OPERATIONS[step["op"]], outcome, expected["out"], handle)
        if "value" in expected:
            result = getattr(outcome, "result", outcome)
            assert text_of(result) == text_of(json.loads(expected["value"]["json"]))

    def snapshot(self):
        """What an operation that fails may not change. No handle is held by it (S1.12)."""
        stats = self.runtime.stats()
        return {
            "current": self.runtime.get_handle().uuid,
            "open": {label: handle.is_open for label, handle in self.labels.items()},
            "counts": (stats.scope_event_count, stats.mark_event_count, stats.dropped_event_count),
            "registered": list(
                itertools.takewhile(bool, map(self.runtime.runtime_callable_at, range(1_000)))
            ),
            "abandoned": stats.abandoned_scope_count,
        }

    def check_as_it_was(self, step, error, before):
        """S7.3, of operations that are refused. A call that fails has its own events (S4.5)."""
        is_refusal = isinstance(error, scopeflow.ScopeflowError)
        if not is_refusal or step.get("op", "next") in (*AWAITING, "next"):
            return
        after = self.snapshot()
        if after["abandoned"] != before["abandoned"]:
            return  # It has ended what was forgotten first, as any operation does (S1.12).
        after["open"] = {label: after["open"][label] for label in before["open"]}
        self.claim(after == before, f"{step['op']} failed and changed something (S7.3)")

    def claim(self, holds, otherwise):
        assert holds, otherwise

    def check_chunks(self, received, expected):
        if "chunks" in expected:
            told = [text_of(self.payload(chunk)) for chunk in expected["chunks"]]
            assert [text_of(chunk) for chunk in received] == told

    def check_error(self, error, expected):
        if "status" in expected:
            assert getattr(error, "code", repr(error)) == expected["status"]
            assert isinstance(error, scopeflow.ScopeflowError)
            if "message" in expected:
                assert str(error) == expected["message"]
            return
        told = expected.get("raise") or expected.get("cancel")
        if told is None:
            raise AssertionError(f"unexpected {error!r}") from error
        assert any(error is thrown for thrown in self.thrown)
        if isinstance(error, scopeflow.ScopeflowError):
            assert (error.code.title().replace("_", ""), str(error)) == (
                told["type"],
                told["message"],
            )
        else:
            assert (type(error).__name__, str(error)) == (told["type"], told["message"])

    # --- Operations ---

    def perform(self, step, received):
        if "next" in step:
            return self.scripts.call_kept_next(step)
        if step["op"] == "scope_new_root":  # In Python a root comes with its scope stack.
            self.runtime.set_scope_stack(self.runtime.create_scope_stack())
            return self.runtime.get_handle()
        operation = table.OPERATIONS[step["op"]]
        positional = [self.label(step["on"])] if operation.on else []
        if natively.register(self, step, positional[0] if positional else self.runtime):
            return None
        named = self.arguments(operation, step)
        if "annotation" in named:
            annotation = named.pop("annotation")
            named["result"] = scopeflow.ToolExecutionResult(named["result"], annotation)
        if operation.id not in AWAITING:
            return getattr(self.runtime, operation.id)(*positional, **named)
        flags = named.pop("flags", ())
        is_sync = self.mode == "sync" or "sync" in flags
        call = ScriptedCall(named.get("args", named.get("request")), is_sync)
        self.scripts.running.append(call)
        try:
            if operation.id.endswith("execute"):
                return self.execute(operation.id, step, named, flags, call, received)
            outcome = self.drive(operation.id, named, is_sync)
            assert is_it(outcome, call.request if "intercepts" in operation.id else None)
            return outcome
        finally:
            self.scripts.running.pop()

    def drive(self, name, named, is_sync):
        method = getattr(self.runtime, f"{name}_sync" if is_sync else name)
        return method(**named) if is_sync else self.complete(method(**named))

    def complete(self, awaitable):
        return complete(awaitable)

    def execute(self, name, step, named, flags, call, received):
        suspends = self.mode == "suspending" and not call.is_sync
        is_stream = name == "llm_stream_execute"
        target = self.scripts.target(step.get("target"), name.startswith("llm"), call)
        named["func"] = self.scripts.as_function(target, not call.is_sync, suspends)
        if not is_stream:
            outcome = self.drive(name, named, call.is_sync)
            assert is_it(outcome, call.result), "the caller gets the very object (S4.4)"
            return outcome
        for role in ("collector", "finalizer"):
            if role in step:
                named[role] = self.scripts.callable(step[role], role, suspends)
        named["chunk_marks"] = "chunk_marks" in flags
        stream = self.drive(name, named, call.is_sync)
        del named, target
        self.consume(stream, step.get("consume", {}), call, received)
        return None

    def consume(self, stream, consume, call, received):
        between = consume.get("between", {})
        step = stream.__next__ if call.is_sync else lambda: self.complete(stream.__anext__())
        self.steps_here(between.get("0", ()))
        while len(received) != consume.get("take"):
            if (then := self.stops_early()) is not None:
                consume = {"then": then}
                break
            try:
                chunk = step()
            except (StopIteration, StopAsyncIteration):
                return
            assert chunk is call.chunks[len(received)], "the consumer gets the very chunk (S4.7)"
            received.append(chunk)
            self.steps_here(between.get(str(len(received)), ()))
        if consume["then"] == "drop":
            del stream, step
            call.chunks = []
            self.collect_garbage()
        elif call.is_sync:
            stream.close()
        else:
            self.complete(stream.aclose())

    def stops_early(self):
        """How the consumer of a stream stops before the next chunk, if a fault makes it stop."""
        return None

    # --- Arguments ---

    def arguments(self, operation, step):
        named = {}
        for name, value in step.get("args", {}).items():
            keyword, kind = operation.arguments[name]
            if kind == "callable" and "codec" in name:
                named[keyword] = self.scripts.codec(value)
            elif name == "kinds":
                named[keyword] = names_of_kinds(value)
            elif kind == "callable":
                if operation.id.endswith("request_intercept"):
                    named["break_chain"] = value.get("break_chain", False)
                named[keyword] = self.scripts.registered(value, operation.id)
            else:
                is_request = name == "request" and operation.id.startswith("llm")
                named[keyword] = self.argument(kind, value, is_request)
        return named

    def argument(self, kind, value, is_request=False):
        noun, _, name = kind.partition(".")
        if noun == "flags" and name == "call_flag":
            return value
        if noun in ("enum", "flags"):
            return number_of(noun, name, value)
        if noun == "payload":
            return self.own(self.payload(value, is_request))
        if noun == "handle":
            return self.label(value)
        if noun == "error":
            return ERRORS[value["type"]](value["message"])
        if noun == "timestamp":
            return int(value)
        if noun == "string" and isinstance(value, dict):
            return value["text"] * value["times"]
        return value

    def payload(self, value, is_request=False):
        if "json" not in value:
            return host_fixtures.make(value)
        payload = json.loads(value["json"])
        if is_request and isinstance(payload, dict) and payload.keys() == {"headers", "content"}:
            return LLMRequest(payload["headers"], payload["content"])
        return payload

    def own(self, payload):
        """What belongs to the application: nobody may change it or get it to edit."""
        self.owned.append((payload, text_of(payload)))
        return payload

    def label(self, name):
        if name == "root" and name not in self.labels:
            self.labels[name] = self.runtime.runtime_root()
        if name == "elsewhere" and name not in self.labels:
            self.labels[name] = scopeflow.Runtime().runtime_root()
        return self.labels[name]


def names_of_kinds(bits):
    """The registries that a gate is about; one that nobody knows has a name that nobody knows."""
    names = {number: name for name, number in table.REGISTRIES.items()}
    return {names.get(n + 1, f"registry {n + 1}") for n in range(32) if bits >> n & 1}


def number_of(noun, name, value):
    if noun == "flags":
        bits = table.FLAGS[name]
        return sum(bits[bit] for bit in value) if isinstance(value, list) else value
    of_class, members = table.ENUMS[name]
    return getattr(_native, of_class)(members.get(value, value))


def check_out(operation, outcome, expected, handle):
    if not isinstance(expected, dict):
        assert outcome is expected
        return
    for name, value in expected.items():
        found = getattr(outcome, operation.fields[name])
        if name == "attributes":
            assert names_of_flags(handle.attributes) == value
        else:
            assert (name, plain(found)) == (name, value)


def names_of_flags(flags):
    """A call has flags of its own kind; the class of the handle's says which (S1.2)."""
    name = {"ToolAttributes": "tool_attribute", "LLMAttributes": "llm_attribute"}
    bits = table.FLAGS[name.get(type(flags).__name__, "scope_attribute")]
    return sorted(name for name, bit in bits.items() if flags.value & bit)


def plain(value):
    """A result as a vector writes it."""
    if isinstance(value, _native.Enumeration):
        members = next(m for c, m in table.ENUMS.values() if c == type(value).__name__)
        return next(name for name, number in members.items() if number == value.value)
    if isinstance(value, bool) or isinstance(value, str):
        return value
    return str(value)
