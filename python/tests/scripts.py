"""What the runtime calls while a vector runs: targets, middleware, codecs and streams that do what
the vector's script says.

Every callable is written once, as an `async def`; one that is registered as a plain function is
driven to its end on the spot.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from types import SimpleNamespace

from scopeflow import (
    InterceptOutcome,
    LLMRequest,
    LLMRequestInterceptOutcome,
    PendingMarkSpec,
    ToolExecutionResult,
)


class Cancelled(asyncio.CancelledError):
    """The cancellation that vectors script."""


# In the place of an object that a native callable made: nobody knows which it is.
MADE = object()
ERRORS = {"ValueError": ValueError, "LookupError": LookupError, "Cancelled": Cancelled}


class Pause:
    """Suspends once."""

    def __await__(self):
        yield


def complete(awaitable):
    """Drives an awaitable to its end, as an event loop would."""
    iterator = awaitable.__await__()
    while True:
        try:
            iterator.send(None)
        except StopIteration as stop:
            return stop.value


def is_it(given, known):
    return known is MADE or given is known


class ScriptedCall:
    """A managed call that runs: the objects that have to come out where they were put in."""

    def __init__(self, request, is_sync):
        self.given = request  # The caller's own.
        self.request = request  # As it is now.
        self.is_sync = is_sync
        self.result = None
        self.chunks = []
        self.collected = 0


class Scripts:
    def __init__(self, session):
        self.session = session
        self.running = []  # The calls, innermost last.
        self.kept = {}  # label -> (next, request, call)
        ops = set(operations_of(session.case["steps"]))
        self.literal = "sync_and_async" in session.case.get("needs", ())
        # Whether all sanitizers of the case run where they can be awaited.
        self.awaits_all = all(op.endswith(("_execute", "_guardrail", "_intercept")) for op in ops)

    @property
    def call(self):
        return self.running[-1]

    def made_natively(self):
        if self.running:
            self.call.request = self.call.result = MADE

    # --- Functions ---

    def as_function(self, function, is_async, suspends):
        if not is_async:
            return lambda *arguments: complete(function(*arguments))

        async def run(*arguments):
            if suspends:
                await Pause()
            return await function(*arguments)

        return run

    def registered(self, script, operation):
        kind = operation.removeprefix("scope_").removeprefix("register_")
        if kind == "conditional_middleware_guardrail":
            return self.as_function(self.gate(script), script.get("async", False), False)
        if kind == "subscriber":
            return self.as_function(self.subscriber(script), script.get("async", False), False)
        is_async_mode = self.session.mode != "sync" and not self.literal
        can_wait = "sanitize" not in kind and "injector" not in kind
        suspends = (
            self.session.mode == "suspending" and not self.literal and (can_wait or self.awaits_all)
        )
        needs_async = is_async_mode and "execution_intercept" in kind
        function = self.function_of(kind, script)
        is_async = script.get("async", False) or suspends or needs_async
        return self.as_function(function, is_async, suspends)

    def callable(self, script, role, suspends):
        """A collector or finalizer."""
        function = self.collector(script) if role == "collector" else self.finalizer(script)
        return self.as_function(function, script.get("async", False) or suspends, suspends)

    def function_of(self, kind, script):
        is_llm = kind.startswith("llm")
        if "conditional_execution" in kind:
            return self.guard(script)
        if kind.startswith(("tool_sanitize", "llm_sanitize")):
            return self.sanitizer(script, is_llm and "request" in kind)
        if "sanitize" in kind:
            return self.event_sanitizer(script)
        if kind == "event_metadata_injector":
            return self.injector(script)
        if "request_intercept" in kind:
            return self.request_intercept(script, is_llm)
        return self.execution_intercept(script, is_llm)

    def answers(self, script, key="answers"):
        """A function that gives the next answer; the last one again and again."""
        given = iter(script.get(key, ()))
        last = {}

        def answer():
            nonlocal last
            last = next(given, last)
            return last

        return answer

    def play(self, answer):
        """What every answer may do first."""
        self.session.pass_callable()
        if "steps" in answer:
            self.session.steps_here(answer["steps"])
            self.session.pass_callable()
        if "chunks" not in answer:
            self.throw(answer)

    def throw(self, answer):
        told = answer.get("raise") or answer.get("cancel")
        if told is not None:
            self.session.thrown.append(ERRORS[told["type"]](told["message"]))
            raise self.session.thrown[-1]

    def record(self, script):
        self.session.calls.append(script["label"])

    # --- Middleware ---

    def subscriber(self, script):
        answer = self.answers(script)

        async def subscriber(event):
            self.record(script)
            self.session.events.setdefault(script["label"], []).append(event.to_json())
            self.play(answer())

        return subscriber

    def guard(self, script):
        answer = self.answers(script)

        async def guard(*arguments):
            self.record(script)
            assert all(isinstance(name, str) for name in arguments[:-1])
            assert arguments[-1] is self.call.given, "a guard sees the caller's own object (S3.5)"
            mine = answer()
            self.play(mine)
            return mine.get("refuse")

        return guard

    def gate(self, script):
        answer = self.answers(script)

        async def gate(kinds, registration):
            self.record(script)
            assert kinds
            assert isinstance(registration, str)
            mine = answer()
            self.play(mine)
            return mine.get("refuse")

        return gate

    def sanitizer(self, script, is_request):
        answer = self.answers(script)

        async def sanitizer(*arguments):
            self.record(script)
            self.check_private(arguments[-1])
            mine = answer()
            self.play(mine)
            return self.rewritten(mine, arguments[-1], is_request)

        return sanitizer

    def event_sanitizer(self, script):
        answer = self.answers(script)

        async def sanitizer(event, fields):
            self.record(script)
            assert event.to_json()
            assert fields.keys() == {"data", "metadata", "category_profile"}
            mine = answer()
            self.play(mine)
            return self.rewritten(mine, fields, False)

        return sanitizer

    def injector(self, script):
        answer = self.answers(script)

        async def injector(event):
            self.record(script)
            assert event.to_json()
            mine = answer()
            self.play(mine)
            return self.rewritten(mine, {}, False)

        return injector

    def request_intercept(self, script, is_llm):
        answer = self.answers(script)

        async def intercept(name, request, *annotated):
            self.record(script)
            assert isinstance(name, str)
            self.check_private(request)
            mine = answer()
            self.play(mine)
            result = self.rewritten(mine, request, is_llm)
            if result is not None or "marks" in mine:
                self.call.request = result
            return self.outcome(mine, result, is_llm)

        return intercept

    def outcome(self, answer, result, is_llm_request):
        annotated = None
        if "annotated" in answer:
            annotated = self.session.payload(answer["annotated"])
        if "marks" in answer:
            marks = [self.mark(mark) for mark in answer["marks"]]
            if not is_llm_request:
                return InterceptOutcome(result, marks)
            if isinstance(result, LLMRequest):
                return LLMRequestInterceptOutcome(result, annotated, marks)
            return SimpleNamespace(request=result, pending_marks=marks)
        return result if annotated is None else (result, annotated)

    def mark(self, mark):
        payload = self.session.payload
        payloads = ("data", "metadata", "category_profile", "data_schema")
        named = {key: payload(mark[key]) for key in payloads if key in mark}
        return PendingMarkSpec(mark["name"], mark.get("category"), **named)

    def rewritten(self, answer, given, is_request):
        if "return" in answer:
            return self.session.payload(answer["return"], is_request)
        if "nothing" in answer:
            return None
        for path, payload in answer.get("edit", {}).items():
            set_at(given, path.split("/"), self.session.payload(payload))
        for path in answer.get("remove", ()):
            remove_at(given, path.split("/"))
        return given

    def check_private(self, given):
        """S3.10: no container is one of the application's."""
        private = containers(given)
        for payload, _ in self.session.owned:
            assert not private.keys() & containers(payload).keys()

    # --- Execution ---

    def target(self, script, is_llm, call):
        reached = 0

        async def target(request):
            nonlocal reached
            assert script is not None, "the target must not be called"
            assert is_it(request, call.request), "the target gets the effective request (S3.10)"
            answers = script.get("answers")
            mine = script if answers is None else answers[min(reached, len(answers) - 1)]
            reached += 1
            if "label" in script:
                self.record(script)
            if "as" in script and reached == 1:  # Later it may have ended, and be current no more.
                self.session.labels[script["as"]] = self.session.runtime.get_handle()
            self.play(mine)
            if "chunks" in mine:
                call.result = self.stream(mine, call)
            else:
                call.result = self.session.own(self.session.payload(mine["return"]))
            if "annotation" in mine:
                annotation = self.session.payload(mine["annotation"])
                call.result = ToolExecutionResult(call.result, annotation)
            return call.result

        return target

    def execution_intercept(self, script, is_llm):
        answer = self.answers(script)

        async def intercept(name, request, next):
            call = self.call
            self.record(script)
            assert isinstance(name, str)
            assert is_it(request, call.request), "an intercept gets the effective one (S3.10)"
            mine = answer()
            self.session.pass_callable()
            if "keep_next" in mine:
                self.kept[mine["keep_next"]] = (next, request, call)
            self.session.steps_here(mine.get("steps", ()))
            results, last = {}, None
            for step in mine.get("next", [{}]):
                last = await self.call_next(next, request, step, call, results)
            self.session.pass_callable()
            if "chunks" not in mine:
                self.throw(mine)
            call.result = self.result_of(mine, results, last, call)
            return self.outcome(mine, call.result, False)

        return intercept

    async def call_next(self, next, request, step, call, results):
        call.request = request
        if "request" in step:
            is_llm = isinstance(call.given, LLMRequest)
            call.request = self.session.payload(step["request"], is_llm)
        try:
            result = next(call.request)
            if inspect.isawaitable(result):
                result = await result
        except Exception as error:
            if not step.get("catch") or isinstance(error, AssertionError):
                raise
            return None
        assert is_it(result, call.result), "next gives the very object (S4.4)"
        results[step.get("as")] = result
        return result

    def result_of(self, answer, results, last, call):
        if "chunks" in answer:
            return self.stream(answer, call)
        if "result_of" in answer:
            return results[answer["result_of"]]
        if "return" in answer:
            return self.session.payload(answer["return"])
        return last

    def call_kept_next(self, step):
        next, request, call = self.kept[step["next"]]
        self.running.append(call)
        before = call.request, call.result
        try:
            return self.session.complete(self.call_next(next, request, step, call, {}))
        finally:
            self.running.pop()
            call.request, call.result = before

    # --- Streams ---

    def stream(self, script, call):
        """An iterator of the script's chunks, sync or async as the call is."""
        plain = self.chunks(script, call)
        if call.is_sync:
            return plain

        async def suspending():
            for chunk in plain:
                if self.session.mode == "suspending":
                    await Pause()
                yield chunk

        return suspending()

    def chunks(self, script, call):
        before = script.get("before", {})
        number = 0
        for number, payload in enumerate(script["chunks"], 1):
            self.session.pass_callable()
            self.session.steps_here(before.get(str(number), ()))
            chunk = self.session.own(self.session.payload(payload))
            call.chunks.append(chunk)
            yield chunk
        self.session.steps_here(before.get(str(number + 1), ()))
        self.throw(script)

    def collector(self, script):
        answer = self.answers(script)

        async def collector(chunk):
            self.record(script)
            assert chunk is self.call.chunks[-1]
            self.play(answer())

        return collector

    def finalizer(self, script):
        answer = self.answers(script)

        async def finalizer():
            self.record(script)
            mine = answer()
            self.play(mine)
            return self.session.payload(mine["return"]) if "return" in mine else None

        return finalizer

    # --- Codecs ---

    def codec(self, script):
        codec = SimpleNamespace()
        codec.decode = self.codec_action(script, "decode_request")
        codec.encode = self.codec_action(script, "encode_request")
        codec.decode_response = self.codec_action(script, "decode_response")
        return codec

    def codec_action(self, script, action):
        answer = self.answers(script, action)

        def act(*given):
            assert action in script, f"{action} must not be asked for"
            self.session.calls.append(f"{script['label']}_{action}")
            mine = answer()
            if "got" in mine:
                is_request = action == "decode_request"
                told = self.session.payload(mine["got"], is_request)
                assert text_of(given[0]) == text_of(told), f"{action} got {given[0]!r}"
            self.play(mine)
            if "return" not in mine:
                return None
            result = self.session.payload(mine["return"], action == "encode_request")
            if action == "encode_request":
                self.call.request = result
            return result

        return act


def operations_of(steps):
    if isinstance(steps, dict):
        if "op" in steps:
            yield steps["op"]
        steps = steps.values()
    elif not isinstance(steps, list):
        return
    for value in steps:
        yield from operations_of(value)


def text_of(value):
    """A text by which payloads are compared."""

    def members(request):
        if isinstance(request, LLMRequest):
            return {"content": request.content, "headers": request.headers}
        return repr(request)

    try:
        return json.dumps(value, sort_keys=True, default=members)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


# --- Ways into a payload ---


def containers(value):
    """id -> container, of all in it."""
    found = {}
    left = [value]
    while left:
        at = left.pop()
        if id(at) in found or not isinstance(at, (dict, list, LLMRequest)):
            continue
        found[id(at)] = at
        if isinstance(at, LLMRequest):
            left += [at.headers, at.content]
        else:
            left += at.values() if isinstance(at, dict) else at
    return found


def member_at(value, name):
    if isinstance(value, LLMRequest):
        return getattr(value, name)
    return value[int(name) if isinstance(value, list) else name]


def set_at(value, path, new):
    for name in path[:-1]:
        value = member_at(value, name)
    if isinstance(value, LLMRequest):
        setattr(value, path[-1], new)
    elif isinstance(value, list):
        value[int(path[-1]) : int(path[-1]) + 1] = [new]
    else:
        value[path[-1]] = new


def remove_at(value, path):
    for name in path[:-1]:
        value = member_at(value, name)
    del value[int(path[-1]) if isinstance(value, list) else path[-1]]
