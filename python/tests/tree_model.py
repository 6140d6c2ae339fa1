"""The host of trees: the model. Tasks and threads run one after the other, each to its end, which
gives them the same histories."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path

import trees
from scripts import complete

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from model import calls, manual, operations
from model.delivery import Emitter
from model.errors import Failure, HostCancellation, HostError, RuntimeFailure
from model.execution import Outcome, PendingMark
from model.middleware import NUMBERS, SUBSCRIBER
from model.requests import LLMRequest
from model.runtime import ABSENT, Runtime
from model.scopes import SCOPE_TYPES, Context
from model.streams import stream_execute


class Entered:
    def __init__(self, handle, is_with):
        self.handle = handle
        self.is_with = is_with


class Model:
    END = object()
    WRONG = object()

    def __init__(self):
        self.runtime = Runtime()
        self.context = Context("main", self.runtime.root)  # Where things happen at present.
        self.states = {}  # By the name of the context.
        self.events = []

    def perform(self, performer):
        complete(performer.run())
        operations.flush(self.runtime, self.context)

    # --- Tasks ---

    def state(self):
        return self.states[self.context.name]

    def enter_task(self, state):
        self.context.name = state.name
        self.states[state.name] = state

    def current_name(self):
        return self.context.current.name

    @contextmanager
    def inside(self, context):
        outside, self.context = self.context, context
        try:
            yield
        finally:
            self.context = outside

    @contextmanager
    def as_thread(self, is_thread):
        """S5.1: what subscribers emit in another thread does not wait in this one."""
        outside = self.runtime.emitter
        if is_thread:
            self.runtime.emitter = Emitter(self.runtime.stats, starts=outside.starts)
        try:
            yield
        finally:
            self.runtime.emitter = outside

    async def pause(self, turns):
        pass

    async def hang(self, state):
        raise HostCancellation("CancelledError", "")

    async def run_tasks(self, how, children):
        outcomes = []
        for task, run in children:
            context = self.context.fork("new")
            if not task.inherits:
                context.value = self.runtime.root
            with self.inside(context), self.as_thread(how in ("threads", "to_thread")):
                outcomes.append(await run())
        return [*outcomes, ("group", 1)] if how == "group" else outcomes

    def prepare_late(self, task, run):
        return self.context.fork("new"), run

    async def run_late(self, late):
        context, run = late
        with self.inside(context):
            return await run()

    # --- Errors ---

    def error(self, text):
        return HostError("ValueError", text)

    def is_ordinary(self, error):
        return isinstance(error, Failure) and not isinstance(error, HostCancellation)

    def is_failure(self, error):
        return isinstance(error, Failure)

    def is_mistake(self, error):
        return isinstance(error, RuntimeFailure) and error.status != "guardrail_rejected"

    def told(self, error):
        if self.is_mistake(error):
            return ("refused", error.status)
        return ("raised", error.type_name, str(error))

    # --- Payloads ---

    def payload(self, value):
        return value

    def request(self, headers, content):
        return LLMRequest(headers, content)

    def is_request(self, value):
        return isinstance(value, LLMRequest)

    def outcome(self, value, marks):
        return Outcome(
            value,
            None,
            [PendingMark(name, data, ABSENT, ABSENT, ABSENT, None) for name, data in marks],
        )

    # --- Scopes and marks ---

    def mark(self, name, data, metadata):
        operations.event(self.runtime, self.context, name, **given(data=data, metadata=metadata))

    def enter(self, name, kind, is_with, input, metadata):
        named = given(input=input, metadata=metadata)
        handle = operations.push(self.runtime, self.context, name, SCOPE_TYPES[kind], **named)
        return Entered(handle, is_with)

    def leave(self, entered, output, error):
        named = given(output=output)
        if error is not None:
            is_cancelled = isinstance(error, HostCancellation)
            named |= {"error": error, "status": "cancelled" if is_cancelled else "error"}
        elif entered.is_with:
            named["status"] = "ok"
        flags = ("close",) if entered.is_with else ()
        operations.pop(self.runtime, self.context, entered.handle, flags, **named)

    def close(self, handle):
        operations.pop(self.runtime, self.context, handle, ("close",))

    def pop(self, handle):
        operations.pop(self.runtime, self.context, handle)

    # --- Calls ---

    async def execute(self, action, name, request, target):
        def run(request, span, context):
            with self.inside(context):
                return complete(target(request))

        return calls.execute(
            self.runtime,
            self.context,
            action.kind,
            run,
            name,
            request,
            flags=("sync",) if action.is_sync else (),
            **given(metadata=action.metadata),
        )

    def begin_call(self, kind, name, request):
        return manual.call(self.runtime, self.context, kind, name, request)

    def end_call(self, kind, handle, result, error):
        named = {} if error is None else {"error": error, "status": "error"}
        manual.call_end(self.runtime, self.context, kind, handle, result, **named)

    # --- Streams ---

    async def open_stream(self, action, name, request, chunks, collector, finalizer):
        flags = ["sync"] * action.is_sync + ["chunk_marks"] * action.chunk_marks

        def produce(request, span, context):
            return self.plainly(chunks(), context)

        def collect(chunk, context):
            with self.inside(context):
                complete(collector(chunk))

        def finalize(context):
            with self.inside(context):
                return complete(finalizer())

        return stream_execute(
            self.runtime,
            self.context,
            produce,
            name,
            request,
            None if collector is None else collect,
            None if finalizer is None else finalize,
            flags=flags,
        )

    def plainly(self, stream, context):
        while True:
            try:
                with self.inside(context):
                    chunk = complete(stream.__anext__())
            except StopAsyncIteration:
                return
            yield chunk

    def stream(self, chunks, is_async):
        return self.plainly(chunks(), self.context)

    async def next_chunk(self, stream):
        try:
            return stream.step(self.context)
        except StopIteration:
            return self.END

    async def close_stream(self, stream):
        if stream.span.is_open:
            stream.close(self.context)

    def forget(self, stream):
        stream.drop()

    def drop(self):
        operations.flush(self.runtime, self.context)

    # --- Middleware ---

    def observe(self, performer):
        def recorder(event, context):
            self.events.append((context.name, event.line))

        self.runtime.register(self.runtime.everywhere, SUBSCRIBER, "recorder", recorder)

    def register(self, owner, registry, name, act, priority, is_async=False, breaks_chain=False):
        named = {"is_async": is_async, "breaks_chain": breaks_chain}
        if registry == "conditional_middleware_guardrail":
            named["kinds"] = sum(1 << (NUMBERS[kind] - 1) for kind in trees.SWITCHABLE)
            named["registration"] = trees.HOOKS[0]
        elif registry != SUBSCRIBER:
            named["priority"] = priority
        function = self.adapted(registry, act)
        self.runtime.register(owner or self.runtime.everywhere, registry, name, function, **named)

    def deregister(self, owner, registry, name):
        return self.runtime.deregister(owner or self.runtime.everywhere, registry, name)

    def adapted(self, registry, act):
        def call(given, context, next=None):
            async def call_next(request):
                return next(request, context)

            nothing_given = registry in trees.OTHERS
            with self.inside(context):
                result = complete(act(None if nothing_given else given, call_next))
            is_outcome = registry in (*trees.EXECUTION, *trees.REQUEST)
            if is_outcome and not isinstance(result, Outcome):
                return Outcome(result)
            return result

        return call


def given(**named):
    """Without what is None, which is nothing in Python."""
    return {key: value for key, value in named.items() if value is not None}
