"""Generators under management: contexts, steps, ends (S1.11, S1.12)."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import gc
import sys
import threading
from collections.abc import AsyncGenerator, Generator

import pytest
from decorated import PASSED_ON, arguments, drain, drive, error_type

import scopeflow
from scopeflow import InvalidArgument, InvalidState, ScopeType

VARIABLE = contextvars.ContextVar("variable", default="unset")


def test_a_generator(decorate, log):
    @decorate()
    def count(to):
        yield from range(to)
        return "done"

    generator = count(2)
    assert log.events == []
    assert iter(generator) is generator
    assert (next(generator), next(generator)) == (0, 1)
    assert log.story() == ["start count"]
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "done"
    assert next(generator, "no more") == "no more"
    assert log.story() == ["start count", "end count"]
    assert log.end("count").metadata["otel.status_code"] == "OK"
    assert arguments(log, "count") == {"to": 2}
    assert generator.close() is None
    assert "count" in repr(generator)


def test_what_a_generator_returns_is_its_output(agent, tool, log):
    def body():
        yield 1
        return {"n": 1}

    list(agent(name="a")(body)())
    list(tool(name="t")(body)())
    assert log.end("a").data == log.end("t").data == {"n": 1}


def test_an_async_generator(decorate, log):
    @decorate()
    async def count(to):
        for number in range(to):
            await asyncio.sleep(0)
            yield number

    async def main():
        generator = count(2)
        assert aiter(generator) is generator
        assert "count" in repr(generator)
        assert await drain(generator) == [0, 1]
        assert await drain(generator) == []
        assert await anext(generator, "no more") == "no more"
        await generator.aclose()

    asyncio.run(main())
    assert log.story() == ["start count", "end count"]
    assert log.end("count").metadata["otel.status_code"] == "OK"


def test_generators_are_generators_to_all_who_ask(decorate):
    def plain():
        yield

    async def later():
        yield

    assert isinstance(decorate()(plain)(), Generator)
    assert isinstance(decorate()(later)(), AsyncGenerator)


def test_send_and_throw(decorate, log):
    @decorate()
    def echo():
        received = yield "first"
        try:
            yield received
        except LookupError as error:
            yield error
        return "end"

    generator = echo()
    with pytest.raises(TypeError, match="can't send non-None value to a just-started generator"):
        generator.send(1)
    assert next(generator) == "first"
    assert generator.send("sent") == "sent"
    error = LookupError()
    assert generator.throw(error) is error
    with pytest.raises(StopIteration, match="end"):
        next(generator)
    assert error_type(log, "echo") is None
    with pytest.raises(LookupError):
        generator.throw(LookupError)


def test_asend_and_athrow(decorate, log):
    @decorate()
    async def echo():
        received = yield "first"
        try:
            yield received
        except LookupError as error:
            yield error

    async def main():
        generator = echo()
        with pytest.raises(
            TypeError, match="can't send non-None value to a just-started async generator"
        ):
            await generator.asend(1)
        assert await anext(generator) == "first"
        assert await generator.asend("sent") == "sent"
        error = LookupError()
        assert await generator.athrow(error) is error
        with pytest.raises(StopAsyncIteration):
            await anext(generator)
        with pytest.raises(StopAsyncIteration):
            await generator.athrow(LookupError)

    asyncio.run(main())
    assert error_type(log, "echo") is None


@pytest.mark.parametrize(
    "given, expected",
    [
        ((ValueError,), ValueError),
        ((ValueError, "text"), ValueError),
        ((ValueError, ValueError("x"), None), ValueError),
        ((3,), TypeError),
        ((int,), TypeError),
    ],
)
def test_all_forms_of_throw(decorate, given, expected):
    @decorate()
    def one():
        yield 1

    for is_started in (True, False):
        generator = one()
        if is_started:
            next(generator)
        with pytest.raises(expected):
            generator.throw(*given)


def test_throw_takes_a_traceback(decorate):
    @decorate()
    def one():
        yield 1

    try:
        raise LookupError
    except LookupError as error:
        traceback = error.__traceback__
    generator = one()
    next(generator)
    with pytest.raises(ValueError) as caught:
        generator.throw(ValueError("x"), None, traceback)
    frames = []
    at = caught.value.__traceback__
    while at is not None:
        frames.append(at)
        at = at.tb_next
    assert traceback in frames


@pytest.mark.parametrize("error", PASSED_ON, ids=lambda error: type(error).__name__)
def test_an_error_of_the_body_comes_out(decorate, log, error):
    @decorate()
    def plain():
        yield 1
        raise error

    @decorate()
    async def later():
        yield 1
        raise error

    generator, async_generator = plain(), later()
    next(generator)
    assert drive(anext(async_generator)) == 1
    for step in (lambda: next(generator), lambda: drive(anext(async_generator))):
        with pytest.raises(type(error)) as caught:
            step()
        assert caught.value is error
    expected = "exception" if isinstance(error, Exception) else "cancelled"
    assert error_type(log, "plain") == error_type(log, "later") == expected
    assert list(generator) == []


def test_an_error_before_the_first_chunk(decorate, log):
    @decorate()
    def plain():
        raise LookupError
        yield

    with pytest.raises(LookupError):
        next(plain())
    assert error_type(log, "plain") == "exception"


def test_closing(decorate, log):
    ended = []

    @decorate()
    def plain():
        try:
            yield 1
            yield 2
        except GeneratorExit:
            ended.append("plain")
            raise

    @decorate()
    async def later():
        try:
            yield 1
            yield 2
        except GeneratorExit:
            ended.append("later")
            raise

    async def main():
        generator = later()
        await anext(generator)
        await generator.aclose()
        await generator.aclose()
        assert await drain(generator) == []

    generator = plain()
    next(generator)
    generator.close()
    generator.close()
    asyncio.run(main())
    assert ended == ["plain", "later"]
    assert error_type(log, "plain") == error_type(log, "later") == "cancelled"
    assert len(log.events) == 4


def test_an_error_while_closing_comes_out(decorate, log):
    @decorate()
    def plain():
        try:
            yield 1
        finally:
            raise LookupError

    @decorate()
    async def later():
        try:
            yield 1
        finally:
            raise LookupError

    async def main():
        generator = later()
        await anext(generator)
        await generator.aclose()

    generator = plain()
    next(generator)
    for close in (generator.close, lambda: asyncio.run(main())):
        with pytest.raises(LookupError):
            close()
    assert error_type(log, "plain") == error_type(log, "later") == "exception"


def test_what_never_began_leaves_nothing(decorate, log, recwarn):
    @decorate()
    def plain():
        yield 1

    @decorate()
    async def later():
        yield 1

    async def main():
        generator = later()
        await generator.aclose()
        assert await drain(generator) == []
        with pytest.raises(LookupError):
            await later().athrow(LookupError)
        later()

    generator = plain()
    generator.close()
    assert list(generator) == []
    with pytest.raises(LookupError):
        plain().throw(LookupError())
    plain()
    asyncio.run(main())
    gc.collect()
    assert log.events == []
    assert [str(warning.message) for warning in recwarn] == []


def test_a_dropped_generator_is_abandoned(decorate, runtime, log):
    @decorate()
    def plain():
        yield 1
        yield 2

    @decorate()
    async def later():
        yield 1
        yield 2

    async def main():
        generator = later()
        await anext(generator)
        del generator

    generator = plain()
    next(generator)
    del generator
    asyncio.run(main())
    gc.collect()
    runtime.runtime_flush()
    assert error_type(log, "plain") == error_type(log, "later") == "abandoned"
    assert runtime.stats().abandoned_scope_count == 2


def test_a_step_inside_a_step_is_an_error(decorate, log):
    @decorate()
    def inside():
        for step in (lambda: next(generator), generator.close):
            with pytest.raises(ValueError, match="generator already executing"):
                step()
        yield 1

    generator = inside()
    assert list(generator) == [1]


def test_two_steps_at_once_are_an_error(decorate, log):
    @decorate()
    async def slow():
        await asyncio.sleep(0)
        yield 1

    async def main():
        generator = slow()
        first = asyncio.create_task(drain(generator))
        await asyncio.sleep(0)
        for step, name in (
            (generator.__anext__, "anext"),
            (functools.partial(generator.asend, None), "asend"),
            (functools.partial(generator.athrow, LookupError()), "athrow"),
            (generator.aclose, "aclose"),
        ):
            with pytest.raises(RuntimeError, match=rf"{name}\(\): asynchronous generator is alr"):
                await step()
        assert await first == [1]

    asyncio.run(main())
    assert error_type(log, "slow") is None


# --- Contexts (S1.11) ---


def test_nothing_leaks_either_way(decorate, runtime, log):
    seen = []

    def begin():
        VARIABLE.set("the body's")
        return runtime.scope_push("inside", ScopeType.Function)

    def look(scope):
        seen.append((VARIABLE.get(), runtime.get_handle() is scope))

    @decorate()
    def plain():
        scope = begin()
        yield 1
        look(scope)
        scope.close()

    @decorate()
    async def later():
        scope = begin()
        yield 1
        await asyncio.sleep(0)
        look(scope)
        scope.close()

    def consume():
        VARIABLE.set("the consumer's")
        for _ in plain():
            assert VARIABLE.get() == "the consumer's"
            assert runtime.get_handle() is runtime.runtime_root()

    async def consume_later():
        VARIABLE.set("the consumer's")
        async for _ in later():
            assert VARIABLE.get() == "the consumer's"
            assert runtime.get_handle() is runtime.runtime_root()

    contextvars.copy_context().run(consume)
    asyncio.run(consume_later())
    assert seen == [("the body's", True)] * 2
    starts = [e for e in log.events if e.scope_category == "start"]
    assert [e.name for e in starts] == ["plain", "inside", "later", "inside"]
    assert starts[1].parent_uuid == starts[0].uuid and starts[3].parent_uuid == starts[2].uuid


def test_the_body_sees_the_context_of_the_call(decorate, runtime, log):
    @decorate()
    def plain():
        yield VARIABLE.get()
        yield VARIABLE.get()

    def consume():
        VARIABLE.set("call")
        with runtime.scope("outer", ScopeType.Agent):
            generator = plain()
            VARIABLE.set("later")
            found = []
            thread = threading.Thread(target=lambda: found.extend(generator))
            thread.start()
            thread.join()
        return found

    assert contextvars.copy_context().run(consume) == ["call", "call"]
    assert log.start("plain").parent_uuid == log.start("outer").uuid


def test_another_task_may_go_on_and_close(decorate, log):
    @decorate()
    async def later():
        try:
            for number in range(9):
                await asyncio.sleep(0)
                yield number
        finally:
            await asyncio.sleep(0)

    async def go_on(generator):
        return await anext(generator)

    async def main():
        generator = later()
        assert await asyncio.create_task(go_on(generator)) == 0
        assert await asyncio.create_task(go_on(generator)) == 1
        await asyncio.create_task(generator.aclose())

    asyncio.run(main())
    assert error_type(log, "later") == "cancelled"


def test_a_cancelled_step(decorate, log):
    @decorate()
    async def later():
        yield 1
        await asyncio.sleep(60)

    async def main():
        generator = later()
        await anext(generator)
        task = asyncio.create_task(drain(generator))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await drain(generator) == []

    asyncio.run(main())
    assert error_type(log, "later") == "cancelled"


def test_a_step_that_is_closed(decorate, log):
    @decorate()
    async def later():
        yield 1
        await asyncio.Event().wait()

    generator = later()
    assert drive(anext(generator)) == 1
    step = drain(generator)

    async def main():
        coroutine = step.__await__()
        coroutine.send(None)
        step.close()

    asyncio.run(main())
    assert error_type(log, "later") == "cancelled"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TaskGroup is of Python 3.11")
def test_task_groups(decorate, runtime, log):
    @decorate()
    async def later(number):
        with runtime.scope(f"inside {number}", ScopeType.Function):
            for _ in range(3):
                await asyncio.sleep(0)
                yield number

    async def main():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(drain(later(n))) for n in range(5)]
        assert [task.result() for task in tasks] == [[n] * 3 for n in range(5)]

    asyncio.run(main())
    spans = {
        e.data.get("content", e.data)["number"]: e.uuid
        for e in log.events
        if e.name == "later" and e.scope_category == "start"
    }
    for number, uuid in spans.items():
        assert log.start(f"inside {number}").parent_uuid == uuid
    assert len(log.events) == 20


def test_threads_keep_apart(decorate, log):
    @decorate()
    def plain(number):
        for _ in range(50):
            yield number

    results = {}

    def consume(number):
        results[number] = list(plain(number))

    threads = [threading.Thread(target=consume, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: [n] * 50 for n in range(8)}
    assert len(log.events) == 16


def test_decorators_one_on_another(runtime, log):
    @scopeflow.agent(runtime=runtime, name="outer")
    @scopeflow.tool(runtime=runtime, name="inner")
    def plain():
        received = yield 1
        yield received

    @scopeflow.agent(runtime=runtime, name="outer")
    @scopeflow.llm(runtime=runtime, name="inner")
    async def later():
        yield 1
        yield runtime.get_handle().name

    generator = plain()
    assert (next(generator), generator.send("x")) == (1, "x")
    generator.close()
    assert asyncio.run(drain(later())) == [1, "inner"]
    assert log.story() == ["start outer", "start inner", "end inner", "end outer"] * 2
    outer, inner = log.events[:2]
    assert inner.parent_uuid == outer.uuid


def test_context_managers(decorate, log):
    @contextlib.contextmanager
    @decorate()
    def plain():
        try:
            yield 1
        except LookupError:
            pass

    @contextlib.asynccontextmanager
    @decorate()
    async def later():
        yield 1

    async def main():
        async with later() as value:
            assert value == 1

    with plain() as value:
        assert value == 1
        raise LookupError
    asyncio.run(main())
    assert error_type(log, "plain") is None and error_type(log, "later") is None


# --- Tools that are generators ---


def test_intercepts_change_what_a_generator_gets(tool, runtime, log):
    runtime.register_tool_request_intercept("i", 1, False, lambda n, args: {"to": args["to"] + 1})

    @tool()
    def plain(to):
        yield from range(to)

    @tool()
    async def later(to):
        for number in range(to):
            yield number

    assert list(plain(1)) == asyncio.run(drain(later(1))) == [0, 1]
    assert log.start("plain").data == log.start("later").data == {"to": 2}


def test_arguments_that_a_generator_cannot_take(tool, runtime, log):
    runtime.register_tool_request_intercept("i", 1, False, lambda name, args: {"z": 1})

    @tool()
    def plain(to):
        yield to

    with pytest.raises(InvalidArgument, match="have a member 'z'"):
        next(plain(1))
    assert error_type(log, "plain") == "invalid_argument"


async def around_async(name, args, next):
    return await next(args)


@pytest.mark.parametrize(
    "intercept",
    [lambda name, args, next: next(args), around_async, lambda name, args, next: "instead"],
    ids=["plain", "async", "instead"],
)
def test_an_execution_intercept_cannot_wrap_a_generator(tool, runtime, log, intercept):
    ran = []

    @tool()
    def plain():
        ran.append(1)
        yield 1

    @tool()
    async def later():
        ran.append(1)
        yield 1

    runtime.register_tool_execution_intercept("i", 1, intercept)
    with pytest.raises(InvalidState, match="'plain' is a generator, which no execution intercept"):
        next(plain())
    with pytest.raises(InvalidState, match="'later' is a generator, which no execution intercept"):
        asyncio.run(drain(later()))
    assert ran == []
    assert runtime.get_handle() is runtime.runtime_root()


def test_async_guards_of_async_generators_are_awaited(tool, runtime, log):
    async def guard(name, args):
        await asyncio.sleep(0)

    @tool()
    async def later():
        yield 1

    runtime.register_tool_conditional_execution_guardrail("g", 1, guard)
    runtime.register_tool_sanitize_response_guardrail("s", 1, later_sanitizer)
    assert asyncio.run(drain(later())) == [1]
    assert log.end("later").data == "sanitized"


async def later_sanitizer(name, payload):
    await asyncio.sleep(0)
    return "sanitized"


def test_a_plain_generator_waits_for_nothing(tool, runtime, log):
    async def guard(name, args):
        await asyncio.sleep(0)

    @tool()
    def plain():
        yield 1
        return 5

    runtime.register_tool_sanitize_response_guardrail("s", 1, later_sanitizer)
    assert list(plain()) == [1]
    assert log.end("plain").data is None
    assert log.end("plain").metadata["sanitize.failed"] == "s"
    runtime.register_tool_conditional_execution_guardrail("g", 1, guard)
    with pytest.raises(InvalidState, match="a plain generator cannot wait"):
        next(plain())


def test_a_subscribers_exit_comes_out_of_a_generator(tool, runtime):
    """S5.2: it is raised again once the event has reached everybody."""

    def leave(event):
        if event.scope_category == "end":
            raise SystemExit(4)

    @tool()
    def plain():
        yield 1
        raise LookupError

    runtime.register_subscriber("leave", leave)
    generator = plain()
    next(generator)
    with pytest.raises(SystemExit):
        next(generator)


# --- Models that are generators ---


def test_stream_intercepts_wrap_generators(llm, runtime):
    """Every other chunk: what is sent goes to the body once."""

    @llm()
    def plain():
        received = []
        for number in range(4):
            received.append((yield number))
        yield received

    @llm()
    async def later():
        received = []
        for number in range(4):
            received.append((yield number))
        yield received

    def every_other(name, request, next):
        def pick(chunks):
            for chunk in chunks:
                yield chunk
                for _ in chunks:
                    break

        return pick(iter(next(request)))

    async def every_other_later(name, request, next):
        async def pick(chunks):
            async for chunk in chunks:
                yield chunk
                async for _ in chunks:
                    break

        return pick(aiter(await next(request)))

    async def consume():
        generator = later()
        first = await anext(generator)
        return [first, await generator.asend("sent"), await anext(generator)]

    runtime.register_llm_stream_execution_intercept("i", 1, every_other)
    generator = plain()
    assert [next(generator), generator.send("sent"), next(generator)] == [
        0,
        2,
        ["sent", None, None, None],
    ]
    runtime.deregister_llm_stream_execution_intercept("i")
    runtime.register_llm_stream_execution_intercept("i", 1, every_other_later)
    assert asyncio.run(consume()) == [0, 2, ["sent", None, None, None]]
