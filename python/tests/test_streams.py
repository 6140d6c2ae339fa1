"""Streams, where Python has ways of its own: async iterators, contexts, tasks, garbage (S4.7)."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading

import pytest

from scopeflow import InvalidArgument, InvalidState, LLMRequest, LlmStream, ScopeType, SyncLlmStream

REQUEST = LLMRequest({}, "hi")


class Producer:
    """A stream of numbers that says what became of it."""

    def __init__(self, count=3):
        self.count = count
        self.given = []
        self.ended = None

    async def __call__(self, request):
        try:
            for number in range(self.count):
                self.given.append(number)
                await asyncio.sleep(0)
                yield number
            self.ended = "done"
        except BaseException as error:
            self.ended = type(error).__name__
            raise

    def plain(self, request):
        try:
            for number in range(self.count):
                self.given.append(number)
                yield number
            self.ended = "done"
        except BaseException as error:
            self.ended = type(error).__name__
            raise


def outcome(log):
    return log.end("gpt").metadata.get("error.type")


# --- Async ---


def test_no_chunk_is_taken_ahead_of_the_consumer(runtime):
    producer = Producer()

    async def main():
        stream = await runtime.llm_stream_execute("gpt", REQUEST, producer)
        assert type(stream) is LlmStream
        assert producer.given == []
        async for chunk in stream:
            assert producer.given[-1] == chunk
            assert len(producer.given) == chunk + 1
        with pytest.raises(StopAsyncIteration):
            await stream.__anext__()
        assert await anext(stream, "no more") == "no more"

    asyncio.run(main())
    assert producer.ended == "done"


def test_closing_stops_the_producer_at_once(runtime, log):
    producer = Producer()

    async def main():
        async with await runtime.llm_stream_execute("gpt", REQUEST, producer) as stream:
            async for _ in stream:
                break
            assert producer.ended is None
        assert producer.ended == "GeneratorExit"
        await stream.aclose()
        assert [chunk async for chunk in stream] == []

    asyncio.run(main())
    assert outcome(log) == "cancelled"
    assert "error.message" not in log.end("gpt").metadata


def test_an_error_inside_async_with_comes_out(runtime, log):
    async def main():
        async with await runtime.llm_stream_execute("gpt", REQUEST, Producer()):
            raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(main())
    assert outcome(log) == "cancelled"


def test_a_stream_may_be_closed_by_another_task(runtime, log):
    """S1.11: the producer has its own context, whoever drives it."""
    producer = Producer()

    async def main():
        stream = await runtime.llm_stream_execute("gpt", REQUEST, producer)
        assert await anext(stream) == 0
        await asyncio.create_task(consume_and_close(stream))

    async def consume_and_close(stream):
        assert await anext(stream) == 1
        await stream.aclose()

    asyncio.run(main())
    assert producer.ended == "GeneratorExit"
    assert outcome(log) == "cancelled"


def test_two_steps_at_once_are_an_error(runtime, log):
    async def main():
        stream = await runtime.llm_stream_execute("gpt", REQUEST, Producer())
        first = asyncio.create_task(consume(stream))
        await asyncio.sleep(0)
        for step in (stream.__anext__, stream.aclose):
            with pytest.raises(RuntimeError, match="asynchronous generator is already running"):
                await step()
        assert await first == [0, 1, 2]

    async def consume(stream):
        return [chunk async for chunk in stream]

    asyncio.run(main())
    assert outcome(log) is None


def test_a_dropped_stream_is_abandoned(runtime, log):
    collected, finalized = [], []

    async def main():
        stream = await runtime.llm_stream_execute(
            "gpt", REQUEST, Producer(), collected.append, lambda: finalized.append(1)
        )
        async for _ in stream:
            break
        del stream
        runtime.runtime_flush()
        assert outcome(log) == "abandoned"

    asyncio.run(main())
    assert (collected, finalized) == ([0], [])
    assert log.end("gpt").data is None
    assert runtime.stats().abandoned_scope_count == 1


def test_whoever_holds_what_was_awaited_does_not_hold_the_stream(runtime, log):
    async def main():
        opening = runtime.llm_stream_execute("gpt", REQUEST, Producer())
        stream = await opening
        opening.close()
        assert await anext(stream) == 0
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await opening
        del stream
        runtime.runtime_flush()
        assert outcome(log) == "abandoned"

    asyncio.run(main())


def test_a_stream_that_refers_to_itself_is_collected(runtime, log):
    async def main():
        holder = {}

        async def producer(request):
            holder["kept"] = True
            yield holder
            yield holder

        holder["stream"] = await runtime.llm_stream_execute("gpt", REQUEST, producer)
        await anext(holder["stream"])

    asyncio.run(main())
    gc.collect()
    runtime.runtime_flush()
    assert outcome(log) == "abandoned"


def test_a_consumer_that_is_closed_ends_the_stream(runtime, log):
    class Pause:
        def __await__(self):
            yield

    async def producer(request):
        yield 0
        await Pause()
        yield 1

    async def consume():
        async for _ in await runtime.llm_stream_execute("gpt", REQUEST, producer, finalizer=dict):
            pass

    consuming = consume()
    consuming.send(None)
    consuming.close()
    assert outcome(log) == "cancelled"
    assert log.end("gpt").data == {}


def test_the_call_may_be_given_to_a_task_and_to_wait_for(runtime):
    async def main():
        opening = runtime.llm_stream_execute("gpt", REQUEST, Producer())
        assert asyncio.iscoroutine(opening)
        stream = await asyncio.create_task(opening)
        assert await asyncio.wait_for(stream.__anext__(), 10) == 0
        await stream.aclose()

    asyncio.run(main())


def test_a_call_that_is_never_awaited_says_so(runtime, recwarn):
    runtime.llm_stream_execute("gpt", REQUEST, Producer())
    gc.collect()
    assert "'llm.stream_execute' was never awaited" in str(recwarn.pop().message)


async def gives_a_list(request):
    return [1, 2]


@pytest.mark.parametrize("producer", [gives_a_list, lambda request: "text", lambda request: None])
def test_that_there_is_no_iterator_shows_at_the_first_step(runtime, log, producer):
    async def main():
        stream = await runtime.llm_stream_execute("gpt", REQUEST, producer)
        with pytest.raises(InvalidArgument, match=r"of 'gpt' gave \w+, which has no __anext__"):
            await anext(stream)

    asyncio.run(main())
    assert log.end("gpt").metadata["error.type"] == "invalid_argument"


def test_an_async_call_takes_a_plain_iterator_too(runtime):
    async def main():
        stream = await runtime.llm_stream_execute("gpt", REQUEST, Producer().plain)
        return [chunk async for chunk in stream]

    assert asyncio.run(main()) == [0, 1, 2]


def test_a_raising_collector_stops_the_producer(runtime, log):
    producer = Producer()

    def collector(chunk):
        raise LookupError(chunk)

    async def main():
        stream = await runtime.llm_stream_execute("gpt", REQUEST, producer, collector)
        with pytest.raises(LookupError):
            await anext(stream)
        assert producer.ended == "GeneratorExit"
        assert outcome(log) == "exception"

    asyncio.run(main())


def test_what_a_stream_holds_does_not_grow(runtime):
    class Chunk:
        alive = 0

        def __init__(self):
            Chunk.alive += 1

        def __del__(self):
            Chunk.alive -= 1

    async def producer(request):
        for _ in range(1_000):
            yield Chunk()

    async def main():
        most = 0
        async for _ in await runtime.llm_stream_execute("gpt", REQUEST, producer):
            most = max(most, Chunk.alive)
        return most

    assert asyncio.run(main()) <= 3


# --- Contexts (S1.11) ---

VARIABLE = contextvars.ContextVar("variable", default="unset")


def test_nothing_leaks_either_way(runtime, log):
    seen = []

    async def producer(request):
        VARIABLE.set("the producer's")
        scope = runtime.scope_push("inside", ScopeType.Function)
        for number in range(2):
            yield number
            seen.append((VARIABLE.get(), runtime.get_handle() is scope))
        scope.close()

    async def main():
        VARIABLE.set("the caller's")
        stream = await runtime.llm_stream_execute("gpt", REQUEST, producer)
        root = runtime.runtime_root()
        async for _ in stream:
            assert VARIABLE.get() == "the caller's"
            assert runtime.get_handle() is root
            VARIABLE.set("the caller's")

    asyncio.run(main())
    assert seen == [("the producer's", True)] * 2
    assert log.start("inside").parent_uuid == log.start("gpt").uuid


def test_the_producer_sees_the_context_of_the_calls_start(runtime):
    async def producer(request):
        yield VARIABLE.get()
        yield VARIABLE.get()

    async def main():
        VARIABLE.set("start")
        stream = await runtime.llm_stream_execute("gpt", REQUEST, producer)
        VARIABLE.set("later")
        return [chunk async for chunk in stream]

    assert asyncio.run(main()) == ["start", "start"]


def test_collector_and_finalizer_run_in_the_consumers_context(runtime):
    seen = []

    def note(*chunk):
        seen.append((VARIABLE.get(), runtime.get_handle()))

    async def main():
        VARIABLE.set("start")
        stream = await runtime.llm_stream_execute("gpt", REQUEST, Producer(1), note, note)
        VARIABLE.set("consumer")
        async for _ in stream:
            pass

    asyncio.run(main())
    assert seen == [("consumer", runtime.runtime_root())] * 2


# --- Sync ---


def test_a_sync_stream_is_an_iterator(runtime, log):
    producer = Producer()
    stream = runtime.llm_stream_execute_sync("gpt", REQUEST, producer.plain)
    assert type(stream) is SyncLlmStream
    assert iter(stream) is stream
    assert next(stream) == 0
    assert producer.given == [0]
    assert list(stream) == [1, 2]
    assert next(stream, None) is None
    assert outcome(log) is None


def test_a_sync_stream_is_closed_by_with(runtime, log):
    producer = Producer()
    with runtime.llm_stream_execute_sync("gpt", REQUEST, producer.plain) as stream:
        assert next(stream) == 0
    assert producer.ended == "GeneratorExit"
    assert list(stream) == []
    stream.close()
    assert outcome(log) == "cancelled"


def test_a_sync_stream_that_is_dropped_is_abandoned(runtime, log):
    stream = runtime.llm_stream_execute_sync("gpt", REQUEST, Producer().plain)
    next(stream)
    del stream
    runtime.runtime_flush()
    assert outcome(log) == "abandoned"


def test_a_sync_stream_refuses_what_is_async(runtime, log):
    async def later(*chunk):
        raise AssertionError("it must not run")

    for arguments in ((Producer(),), (iter, later), (iter, print, later)):
        with pytest.raises(InvalidState, match="is async and cannot be run by a sync call"):
            runtime.llm_stream_execute_sync("gpt", REQUEST, *arguments)
    assert log.events == []


def test_a_step_inside_a_step_is_an_error(runtime):
    def producer(request):
        with pytest.raises(ValueError, match="generator already executing"):
            next(stream)
        yield 1

    stream = runtime.llm_stream_execute_sync("gpt", REQUEST, producer)
    assert list(stream) == [1]


def test_streams_of_several_threads_keep_apart(runtime, log):
    def consume(number):
        stream = runtime.llm_stream_execute_sync("gpt", REQUEST, Producer(50).plain)
        results[number] = list(stream)

    results = {}
    threads = [threading.Thread(target=consume, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: list(range(50)) for n in range(8)}
    assert len(log.events) == 16


# --- Intercepts that are generators (S3.7, ADR 0019) ---


def wrapping(letter, kept=None):
    async def intercept(name, request, next):
        if kept is not None:
            kept.append(next)
        async for chunk in await next(request):
            yield f"{letter}{chunk}"

    return intercept


def wrapping_plainly(letter):
    def intercept(name, request, next):
        for chunk in next(request):
            yield f"{letter}{chunk}"

    return intercept


def test_generators_around_a_stream(runtime, log):
    kept = []
    runtime.register_llm_stream_execution_intercept("outer", 0, wrapping("o"))
    runtime.register_llm_stream_execution_intercept("inner", 1, wrapping("i", kept))

    async def main():
        stream = await runtime.llm_stream_execute("gpt", REQUEST, Producer(2))
        assert [chunk async for chunk in stream] == ["oi0", "oi1"]
        with pytest.raises(InvalidArgument, match="'inner' is no longer active"):
            kept[0](REQUEST)

    asyncio.run(main())
    assert outcome(log) is None
    assert [event.name for event in log.events] == ["gpt", "gpt"]


def test_generators_around_a_sync_stream(runtime):
    for priority, letter in enumerate("oi"):
        runtime.register_llm_stream_execution_intercept(letter, priority, wrapping_plainly(letter))
    stream = runtime.llm_stream_execute_sync("gpt", REQUEST, Producer(2).plain)
    assert list(stream) == ["oi0", "oi1"]


def test_a_dropped_stream_takes_its_generators_along(runtime, log):
    kept, producer = [], Producer()
    runtime.register_llm_stream_execution_intercept("wrap", 0, wrapping("w", kept))

    async def main():
        stream = await runtime.llm_stream_execute("gpt", REQUEST, producer)
        assert await anext(stream) == "w0"
        del stream
        gc.collect()
        with pytest.raises(InvalidArgument, match="'wrap' is no longer active"):
            kept[0](REQUEST)

    asyncio.run(main())
    runtime.runtime_flush()
    assert outcome(log) == "abandoned"
    assert producer.ended in ("GeneratorExit", "CancelledError")


def test_next_goes_back_to_what_is_in_force_when_its_span_was_ended_elsewhere(runtime, log):
    """A nested stream, in a context of its own, ends the span that `next` stands under: its
    producer goes on under what that span was opened over, and says no more of it (ADR 0011)."""
    spans = {}

    def nested(request):
        runtime.scope_pop(runtime.get_handle())
        runtime.scope_pop(spans["outer"])
        return iter(())

    def outer(request):
        spans["outer"] = runtime.get_handle()
        list(runtime.llm_stream_execute_sync("nested", REQUEST, nested))
        return chunks()

    def chunks():
        yield 1
        runtime.tool_call("search", {})

    def intercept(name, request, next):
        return next(request)

    runtime.register_llm_stream_execution_intercept("passes", 1, intercept)
    list(runtime.llm_stream_execute_sync("outer", REQUEST, outer))
    assert log.start("search").metadata is None
