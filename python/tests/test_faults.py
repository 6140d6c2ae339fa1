"""Cancellation and exits at every place where host code runs: what started ends once, what is owed
is delivered, and the very exception comes out (S4.3, S4.4, S3.6)."""

from __future__ import annotations

import asyncio

import pytest

import scopeflow
from scopeflow import LLMRequest

# Where host code runs, in the order of a call, and whether the call has started there.
TOOL_PLACES = {
    "guard": False,
    "request intercept": False,
    "sanitize request": True,
    "before next": True,
    "target": True,
    "after next": True,
    "sanitize response": True,
    "scope-start sanitizer": True,
    "scope-end sanitizer": True,
    "injector": True,
}
LLM_PLACES = {
    "guard": False,
    "decode": False,
    "request intercept": False,
    "encode": False,
    "sanitize request": True,
    "before next": True,
    "target": True,
    "after next": True,
    "sanitize response": True,
    "decode response": True,
}
STREAM_PLACES = ("producer", "collector", "second chunk", "finalizer", "sanitize response")


class Fault:
    """Does something at one place, once."""

    def __init__(self, place, act):
        self.place = place
        self.act = act
        self.reached = 0

    async def at(self, place):
        if place == self.place and self.reached == 0:
            self.reached += 1
            await self.act()

    def returning(self, place, index=-1):
        """A callable that passes the place and gives back one of its arguments."""

        async def run(*arguments):
            await self.at(place)
            return arguments[index]

        return run

    def guard(self):
        async def guard(*arguments):
            await self.at("guard")

        return guard

    def around(self):
        async def around(name, request, next):
            await self.at("before next")
            result = await next(request)
            await self.at("after next")
            return result

        return around


class Codec:
    def __init__(self, fault):
        self.decode = fault.returning("decode")
        self.decode_response = fault.returning("decode response")

        async def encode(annotated, request):
            await fault.at("encode")
            return request

        self.encode = encode


def register(runtime, fault, kind):
    call = getattr(runtime, f"register_{kind}_conditional_execution_guardrail")
    call("guard", 1, fault.guard())
    intercept = getattr(runtime, f"register_{kind}_request_intercept")
    if kind == "llm":

        async def annotate(name, request, annotated):
            await fault.at("request intercept")
            return request, {"annotated": True}

        intercept("intercept", 1, False, annotate)
    else:
        intercept("intercept", 1, False, fault.returning("request intercept"))
    for side in ("request", "response"):
        sanitizer = getattr(runtime, f"register_{kind}_sanitize_{side}_guardrail")
        sanitizer("sanitizer", 1, fault.returning(f"sanitize {side}"))
    getattr(runtime, f"register_{kind}_execution_intercept")("around", 1, fault.around())
    runtime.register_scope_sanitize_start_guardrail(
        "s", 1, fault.returning("scope-start sanitizer")
    )
    runtime.register_scope_sanitize_end_guardrail("e", 1, fault.returning("scope-end sanitizer"))

    async def inject(event):
        await fault.at("injector")
        return {"injected": True}

    runtime.register_event_metadata_injector("i", 1, inject)


def begin(runtime, fault, kind):
    async def target(request):
        await fault.at("target")
        return {"answer": 1}

    if kind == "tool":
        return runtime.tool_execute("work", {"a": [1]}, target)
    codec = Codec(fault)
    request = LLMRequest({}, {"a": [1]})
    return runtime.llm_execute("work", request, target, codec=codec, response_codec=codec)


def check_story(log, started):
    """One end for one start, and nothing after it."""
    scopes = [event for event in log.events if event.kind == "scope"]
    assert [event.scope_category for event in scopes] == (["start", "end"] if started else [])


async def cancelled_there(runtime, kind, place):
    reached = asyncio.Event()

    async def wait():
        reached.set()
        await asyncio.sleep(3600)

    fault = Fault(place, wait)
    register(runtime, fault, kind)
    task = asyncio.create_task(begin(runtime, fault, kind))
    await asyncio.wait([task, asyncio.create_task(reached.wait())], return_when="FIRST_COMPLETED")
    assert not task.done(), "the place was not reached"
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert caught.value.args in ((), ("enough",))
    assert runtime.get_handle() is runtime.runtime_root()


PLACES = [("tool", *item) for item in TOOL_PLACES.items()]
PLACES += [("llm", *item) for item in LLM_PLACES.items()]


@pytest.mark.parametrize(("kind", "place", "started"), PLACES)
def test_a_cancellation_comes_out_wherever_the_call_waits(runtime, log, kind, place, started):
    asyncio.run(cancelled_there(runtime, kind, place))
    check_story(log, started)
    if place in ("before next", "target", "after next"):
        assert log.end("work").metadata["error.type"] == "cancelled"
    if place == "sanitize request":
        assert log.start("work").data is None
    if place == "sanitize response":
        assert log.end("work").data is None
    # It is nobody's failure (S3.6).
    assert not any("sanitize.failed" in (event.metadata or {}) for event in log.events)


@pytest.mark.parametrize("exit_type", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize(("kind", "place", "started"), PLACES)
def test_an_exit_comes_out_of_every_callback(runtime, log, kind, place, started, exit_type):
    exit_itself = exit_type("now")

    async def leave():
        raise exit_itself

    fault = Fault(place, leave)
    register(runtime, fault, kind)
    with pytest.raises(exit_type) as caught:
        begin(runtime, fault, kind).send(None)
    assert caught.value is exit_itself
    assert fault.reached == 1
    check_story(log, started)


def request_of_streams():
    return LLMRequest({}, "hi")


def stream_of(runtime, fault):
    async def producer(request):
        await fault.at("producer")
        yield "one"
        await fault.at("second chunk")
        yield "two"

    async def collector(chunk):
        await fault.at("collector")

    async def finalizer():
        await fault.at("finalizer")
        return "onetwo"

    runtime.register_llm_sanitize_response_guardrail("s", 1, fault.returning("sanitize response"))
    return runtime.llm_stream_execute("work", request_of_streams(), producer, collector, finalizer)


async def consume(opening):
    return [chunk async for chunk in await opening]


@pytest.mark.parametrize("place", STREAM_PLACES)
def test_a_cancellation_comes_out_of_a_stream(runtime, log, place):
    async def main():
        reached = asyncio.Event()

        async def wait():
            reached.set()
            await asyncio.sleep(3600)

        task = asyncio.create_task(consume(stream_of(runtime, Fault(place, wait))))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert runtime.get_handle() is runtime.runtime_root()

    asyncio.run(main())
    check_story(log, True)
    metadata = log.end("work").metadata
    if place in ("producer", "collector", "second chunk"):
        assert metadata["error.type"] == "cancelled"
        assert log.end("work").data == "onetwo"
    else:
        assert log.end("work").data is None


@pytest.mark.parametrize("place", STREAM_PLACES)
def test_an_exit_comes_out_of_a_stream(runtime, log, place):
    async def leave():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume(stream_of(runtime, Fault(place, leave))).send(None)
    check_story(log, True)


@pytest.mark.parametrize("place", STREAM_PLACES)
def test_a_failure_in_a_stream_is_raised_or_only_an_observers_loss(runtime, log, place):
    async def fail():
        raise ValueError(place)

    consuming = consume(stream_of(runtime, Fault(place, fail)))
    if place in ("finalizer", "sanitize response"):
        with pytest.raises(StopIteration) as ended:
            consuming.send(None)
        assert ended.value.value == ["one", "two"]
        assert log.end("work").data is None
    else:
        with pytest.raises(ValueError, match=place):
            consuming.send(None)
    check_story(log, True)


def test_a_closed_call_ends_with_what_can_be_run_at_once(runtime, log):
    """S3.8: at generator exit nothing can be awaited: an async sanitizer counts as failed."""

    class Pause:
        def __await__(self):
            yield

    async def target(request):
        await Pause()

    async def sanitizer(name, response):
        return response

    runtime.register_tool_sanitize_response_guardrail("s", 1, sanitizer)
    call = runtime.tool_execute("work", 1, target)
    call.send(None)
    call.close()
    end = log.end("work")
    assert end.metadata["error.type"] == "cancelled"
    assert end.metadata["sanitize.failed"] == "s"


def test_what_was_cancelled_goes_on_if_the_target_swallows_it(runtime, log):
    async def main():
        async def target(request):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                return "swallowed"

        task = asyncio.create_task(runtime.tool_execute("work", 1, target))
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(main()) == "swallowed"
    assert log.end("work").metadata["otel.status_code"] == "OK"


@pytest.mark.parametrize("kind", ["scope", "mark"])
def test_an_exit_in_an_event_sanitizer_comes_out_of_push_and_mark(runtime, log, kind):
    def leave(event, fields):
        raise KeyboardInterrupt

    runtime.register_scope_sanitize_start_guardrail("s", 1, leave)
    runtime.register_mark_sanitize_guardrail("m", 1, leave)
    with pytest.raises(KeyboardInterrupt):
        if kind == "mark":
            runtime.scope_event("mark", data=1)
        else:
            runtime.scope_push("scope", scopeflow.ScopeType.Agent, input=1)
    assert log.events[0].data is None
