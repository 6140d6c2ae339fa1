"""The host of trees: scopeflow itself, with asyncio and threads."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref

import trees
from scripts import complete

import scopeflow
from scopeflow import (
    GuardrailRejected,
    InterceptOutcome,
    LLMRequest,
    LLMRequestInterceptOutcome,
    PendingMarkSpec,
    ScopeflowError,
    ScopeType,
)

STATE = contextvars.ContextVar("state")


class Payload(dict):
    """A dict that can be watched."""

    __slots__ = ("__weakref__",)


class Entered:
    def __init__(self, handle, manager):
        self.handle = handle
        self.manager = manager


class Package:
    END = object()
    WRONG = object()

    def __init__(self):
        self.runtime = scopeflow.Runtime(flags=scopeflow.RuntimeFlags.CANONICAL)
        self.events = []  # (name of the task, line), in the order of their delivery.
        self.watched = []  # Weak references to what the program made.

    def perform(self, performer):
        """In a context of its own; nothing may stay behind in it."""
        context = contextvars.Context()
        if performer.program.is_async:
            context.run(run_in_loop, performer.run())
        else:
            context.run(complete, performer.run())
        self.runtime.runtime_flush()

    # --- Tasks ---

    def state(self):
        return STATE.get()

    def enter_task(self, state):
        STATE.set(state)

    def current_name(self):
        return self.runtime.get_handle().name

    async def pause(self, turns):
        for _ in range(turns):
            await asyncio.sleep(0)

    async def hang(self, state):
        state.hung(asyncio.current_task())
        await asyncio.get_running_loop().create_future()

    async def run_tasks(self, how, children):
        if how == "threads":
            return self.in_threads(children)
        if how == "context":
            return [contextvars.copy_context().run(complete, run()) for _, run in children]
        if how == "to_thread":
            return [await asyncio.to_thread(complete, run()) for _, run in children]
        return await (self.in_group if how == "group" else self.gathered)(children)

    def in_threads(self, children):
        outcomes = [None] * len(children)

        def work(index, task, run):
            outcomes[index] = (run_in_loop if task.is_async else complete)(run())

        threads = []
        for index, (task, run) in enumerate(children):
            context = contextvars.copy_context() if task.inherits else contextvars.Context()
            threads.append(threading.Thread(target=context.run, args=(work, index, task, run)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcomes

    async def gathered(self, children):
        """Side by side; one that is to be cancelled is, as soon as it hangs."""
        return await asyncio.gather(*(run(cancel_soon) for _, run in children))

    async def in_group(self, children):
        """A task fails when all others have ended or hang, which then are cancelled."""
        settled = asyncio.Semaphore(0)
        outcomes = [None] * len(children)

        async def work(index, run):
            outcomes[index] = await run(lambda task: settled.release())
            settled.release()

        async def fail():
            for _ in children:
                await settled.acquire()
            raise ValueError("one of the group")

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                for index, (_, run) in enumerate(children):
                    group.create_task(work(index, run))
        except Exception as error:
            outcomes.append(("group", len(error.exceptions)))
        return outcomes

    def prepare_late(self, task, run):
        """Made now, with the context of now; done when it is waited for."""
        context = contextvars.copy_context()
        if not task.is_async:
            return context, run, None
        gate = asyncio.Event()

        async def when_it_may():
            await gate.wait()
            return await run(cancel_soon)

        return asyncio.ensure_future(when_it_may()), None, gate

    async def run_late(self, late):
        context_or_task, run, gate = late
        if gate is None:
            return context_or_task.run(complete, run())
        gate.set()
        return await context_or_task

    # --- Errors ---

    def error(self, text):
        return ValueError(text)

    def is_ordinary(self, error):
        return isinstance(error, Exception) and not isinstance(error, AssertionError)

    def is_failure(self, error):
        return self.is_ordinary(error) or isinstance(error, asyncio.CancelledError)

    def is_mistake(self, error):
        return isinstance(error, ScopeflowError) and not isinstance(error, GuardrailRejected)

    def told(self, error):
        if self.is_mistake(error):
            return ("refused", error.code)
        return ("raised", type(error).__name__, str(error))

    # --- Payloads ---

    def payload(self, value):
        if type(value) is dict:
            value = Payload(value)
            self.watched.append(weakref.ref(value))
        return value

    def request(self, headers, content):
        return LLMRequest(headers, content)

    def is_request(self, value):
        return isinstance(value, LLMRequest)

    def outcome(self, value, marks):
        marks = [PendingMarkSpec(name, data=data) for name, data in marks]
        if isinstance(value, LLMRequest):
            return LLMRequestInterceptOutcome(value, None, marks)
        return InterceptOutcome(value, marks)

    # --- Scopes and marks ---

    def mark(self, name, data, metadata):
        self.runtime.scope_event(name, data=data, metadata=metadata)

    def enter(self, name, kind, is_with, input, metadata):
        if not is_with:
            push = self.runtime.scope_push
            return Entered(push(name, ScopeType(kind), input=input, metadata=metadata), None)
        manager = self.runtime.scope(name, ScopeType(kind), input=input, metadata=metadata)
        return Entered(manager.__enter__(), manager)

    def leave(self, entered, output, error):
        if entered.manager is None:
            self.runtime.scope_pop(entered.handle, output=output, error=error)
            return
        entered.handle.output = output
        entered.manager.__exit__(type(error), error, None)

    def close(self, handle):
        handle.close()

    def pop(self, handle):
        self.runtime.scope_pop(handle)

    # --- Calls ---

    def execute(self, action, name, request, target):
        execute = getattr(self.runtime, f"{action.kind}_execute{'_sync' * action.is_sync}")
        func = self.function(target, action.has_async_target)
        return self.awaited(action.is_sync, execute, name, request, func, metadata=action.metadata)

    async def awaited(self, is_sync, function, *arguments, **named):
        result = function(*arguments, **named)
        return result if is_sync else await result

    def begin_call(self, kind, name, request):
        return getattr(self.runtime, f"{kind}_call")(name, request)

    def end_call(self, kind, handle, result, error):
        getattr(self.runtime, f"{kind}_call_end")(handle, result, error=error)

    # --- Streams ---

    def open_stream(self, action, name, request, chunks, collector, finalizer):
        is_async = not action.is_sync
        execute = getattr(self.runtime, f"llm_stream_execute{'_sync' * action.is_sync}")
        producer = (lambda request: chunks()) if is_async else lambda request: plainly(chunks())
        return self.awaited(
            action.is_sync,
            execute,
            name,
            request,
            producer,
            None if collector is None else self.function(collector, is_async),
            None if finalizer is None else self.function(finalizer, is_async),
            chunk_marks=action.chunk_marks,
        )

    def stream(self, chunks, is_async):
        return chunks() if is_async else plainly(chunks())

    async def next_chunk(self, stream):
        try:
            if isinstance(stream, scopeflow.SyncLlmStream):
                return next(stream)
            return await anext(stream)
        except (StopIteration, StopAsyncIteration):
            return self.END

    async def close_stream(self, stream):
        if isinstance(stream, scopeflow.SyncLlmStream):
            stream.close()
        else:
            await stream.aclose()

    def forget(self, stream):
        """What has to be known of a stream before it is dropped."""

    def drop(self):
        gc.collect()
        self.runtime.runtime_flush()

    # --- Middleware ---

    def observe(self, performer):
        def recorder(event):
            self.events.append((self.state().name, event.to_json()))

        self.watched.append(weakref.ref(recorder))
        self.runtime.register_subscriber("recorder", recorder)

    def register(self, owner, registry, name, act, priority, is_async=False, breaks_chain=None):
        function = self.function(adapted(registry, act), is_async)
        self.watched.append(weakref.ref(function))
        arguments = [name]
        if registry == "conditional_middleware_guardrail":
            arguments += [trees.SWITCHABLE, trees.HOOKS[0]]
        elif registry != "subscriber":
            arguments.append(priority)
        if breaks_chain is not None:
            arguments.append(breaks_chain)
        if owner is None:
            getattr(self.runtime, f"register_{registry}")(*arguments, function)
        else:
            getattr(self.runtime, f"scope_register_{registry}")(owner, *arguments, function)

    def deregister(self, owner, registry, name):
        if owner is None:
            return getattr(self.runtime, f"deregister_{registry}")(name)
        return getattr(self.runtime, f"scope_deregister_{registry}")(owner, name)

    def function(self, function, is_async):
        if is_async:
            return function

        def run(*arguments):
            return complete(function(*arguments))

        return run


def run_in_loop(coroutine):
    async def main():
        if hasattr(asyncio, "eager_task_factory"):  # Python 3.12
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await coroutine

    return asyncio.run(main())


def cancel_soon(task):
    task.get_loop().call_soon(task.cancel)


def plainly(stream):
    """The chunks of an async generator that waits for nothing, as a generator."""
    while True:
        try:
            yield complete(stream.__anext__())
        except StopAsyncIteration:
            return


def adapted(registry, act):
    """`act`, with the arguments that the registry's callables get."""

    async def around(name, request, next):
        async def call_next(request):
            result = next(request)
            return await result if hasattr(result, "__await__") else result

        return await act(request, call_next)

    async def take_first(request, *rest):
        return await act(request)

    async def take_second(name, request, *annotated):
        return await act(request)

    async def take_last(*arguments):
        return await act(arguments[-1])

    async def take_none(*arguments):
        return await act(None)

    if registry in trees.EXECUTION:
        return around
    if registry in trees.REQUEST:
        return take_second
    if registry in trees.OTHERS:
        return take_none
    return take_last
