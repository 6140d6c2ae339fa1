"""What happens to work that nobody holds, and to garbage."""

from __future__ import annotations

import contextvars
import gc
import sys
import weakref

import pytest

import scopeflow
from scopeflow import ScopeType

AGENT = ScopeType.Agent


class Payload(dict):
    """A dict that can be watched."""

    __slots__ = ("__weakref__",)


async def suspend_forever(args):
    await Suspend()


class Suspend:
    def __await__(self):
        yield


# --- Forgotten work (S1.12) ---


def test_a_forgotten_scope_ends_as_abandoned_with_the_next_operation(runtime, log):
    contextvars.Context().run(runtime.scope_push, "forgotten", AGENT)
    gc.collect()
    assert log.story() == ["start forgotten"]
    runtime.scope_event("next")
    assert log.story() == ["start forgotten", "end forgotten", "mark next"]
    assert log.end("forgotten").metadata["error.type"] == "abandoned"
    assert runtime.stats().abandoned_scope_count == 1


def test_a_handle_that_is_kept_does_not_keep_what_was_opened_under_it(runtime, log):
    context = contextvars.Context()
    kept = context.run(runtime.scope_push, "kept", AGENT)
    context.run(runtime.scope_push, "forgotten", AGENT)
    del context
    gc.collect()
    runtime.runtime_flush()
    assert log.story() == ["start kept", "start forgotten", "end forgotten"]
    assert kept.is_open


def test_a_context_or_a_child_keeps_a_scope_open(runtime, log):
    def open_two():
        runtime.scope_push("outer", AGENT)
        return runtime.scope_push("inner", AGENT)

    inner = contextvars.Context().run(open_two)
    gc.collect()
    runtime.runtime_flush()
    assert log.story() == ["start outer", "start inner"]
    inner.close()
    del inner
    gc.collect()
    runtime.runtime_flush()
    assert log.story() == ["start outer", "start inner", "end inner", "end outer"]


def test_deep_trees_are_let_go_without_recursion(runtime):
    def dig():
        for _ in range(200_000):
            runtime.scope_push("level", AGENT)

    contextvars.Context().run(dig)
    gc.collect()
    runtime.runtime_flush()
    assert runtime.stats().abandoned_scope_count == 200_000


def test_a_row_of_detached_tasks_holds_nothing_of_the_past(runtime):
    """Each is started inside one that then ends; only the last context is left."""
    context = contextvars.Context()
    watched = []
    for _ in range(50):

        def step():
            payload = Payload()
            watched.append(weakref.ref(payload))
            handle = runtime.scope_push("step", AGENT, data=payload)
            inner = contextvars.copy_context()
            handle.close()
            return inner

        context = context.run(step)
    gc.collect()
    alive = sum(ref() is not None for ref in watched)
    assert alive <= 2


# --- Garbage ---


def collected(make):
    """Whether what `make` ties into a knot and gives a weak reference to is found."""
    watched = make()
    gc.collect()
    return watched() is None


def test_a_subscriber_that_refers_to_its_scope_is_collected(runtime):
    def make():
        handle = runtime.scope_push("scope", AGENT, metadata={})

        class Keeper:
            scope = handle

            def __call__(self, event):
                pass

        keeper = Keeper()
        runtime.scope_register_subscriber(handle, "keeper", keeper)
        handle.close()
        return weakref.ref(keeper)

    assert collected(make)


def test_a_subscriber_that_is_owed_an_end_is_not_collected(runtime):
    """The collector must not take a subscriber to pieces that is still owed the end: it would be
    called afterwards. So this knot stays, and its scope open."""
    seen = []

    class Owner:
        def work(self):
            def subscriber(event):
                seen.append((self, event.scope_category))

            self.handle = runtime.scope_push("scope", AGENT)
            runtime.scope_register_subscriber(self.handle, "local", subscriber)

    owner = Owner()
    contextvars.copy_context().run(owner.work)
    watched = weakref.ref(owner)
    del owner
    gc.collect()
    runtime.runtime_flush()
    assert seen == []
    watched().handle.close()
    assert [category for _, category in seen] == ["end"]


def forgotten_under_an_ended_scope(runtime, seen, *, is_in_knot):
    """A scope that has ended and whose subscriber holds it; below it one that nobody holds but,
    perhaps, that subscriber."""

    def work():
        ended = runtime.scope_push("ended", AGENT)
        knot = [ended]

        def subscriber(event):
            seen.append((knot[0].name, event.scope_category, event.name))

        runtime.scope_register_subscriber(ended, "local", subscriber)
        below = runtime.scope_push("below", AGENT)
        if is_in_knot:
            knot.append(below)
        ended.close()

    contextvars.Context().run(work)


def test_a_subscriber_above_is_not_collected_while_an_end_is_owed_to_it(runtime):
    seen = []
    forgotten_under_an_ended_scope(runtime, seen, is_in_knot=False)
    before = list(seen)
    gc.collect()
    runtime.runtime_flush()
    assert seen[len(before) :] == [("ended", "end", "below")]


def test_a_subscriber_above_is_not_collected_while_it_holds_what_is_open(runtime):
    seen = []
    forgotten_under_an_ended_scope(runtime, seen, is_in_knot=True)
    gc.collect()
    runtime.runtime_flush()
    assert ("ended", "end", "below") not in seen
    runtime.close()
    assert seen[-1] == ("ended", "end", "below")


def test_a_subscriber_is_not_collected_while_an_owed_end_is_on_its_way_to_it(runtime):
    seen = []
    forgotten_under_an_ended_scope(runtime, seen, is_in_knot=False)
    # The global one comes first.
    runtime.register_subscriber("collect", lambda event: gc.collect())
    runtime.runtime_flush()
    assert seen[-1] == ("ended", "end", "below")


def test_a_subscriber_is_not_collected_while_an_event_waits_for_it(runtime):
    """S5.1: what a subscriber emits is delivered later; here its scope has gone by then."""
    seen = []

    def emit(event):
        if event.name == "outer":
            runtime.deregister_subscriber("emit")
            forgotten_under_an_ended_scope(runtime, seen, is_in_knot=False)
            gc.collect()

    runtime.register_subscriber("emit", emit)
    runtime.scope_event("outer")
    runtime.runtime_flush()
    assert ("ended", "start", "below") in seen


def test_a_subscriber_of_the_root_that_refers_to_its_runtime_is_collected():
    def make():
        runtime = scopeflow.Runtime()

        def subscriber(event):
            return runtime

        runtime.scope_register_subscriber(runtime.runtime_root(), "self", subscriber)
        return weakref.ref(subscriber)

    assert collected(make)


def test_a_runtime_whose_subscriber_refers_to_it_is_collected():
    def make():
        runtime = scopeflow.Runtime()

        def subscriber(event):
            return runtime

        runtime.register_subscriber("self", subscriber)
        return weakref.ref(subscriber)

    assert collected(make)


def test_a_call_whose_request_leads_back_to_it_is_collected(runtime, log):
    def make():
        request = Payload()
        call = runtime.tool_execute("tool", request, suspend_forever)
        request["call"] = call
        call.send(None)
        return weakref.ref(request)

    assert collected(make)
    runtime.runtime_flush()
    assert log.end("tool").metadata["error.type"] == "abandoned"


def test_a_call_whose_intercepted_request_leads_back_to_it_is_collected(runtime):
    """What an intercept made is held by the core alone."""

    def make():
        request = Payload()
        call = runtime.tool_execute("tool", 1, suspend_forever)
        request["call"] = call
        box = [request]
        runtime.register_tool_request_intercept("i", 1, False, lambda name, args: box.pop())
        contextvars.Context().run(call.send, None)
        runtime.deregister_tool_request_intercept("i")
        return weakref.ref(request)

    assert collected(make)


async def sanitize_forever(name, response):
    await Suspend()


def test_a_call_whose_result_leads_back_to_it_is_collected(runtime, log):
    """While a sanitizer looks at it only the core holds the result; the end has reached nobody."""

    def make():
        result = Payload()
        call = runtime.tool_execute("tool", 1, lambda args: result)
        result["call"] = call
        runtime.register_tool_sanitize_response_guardrail("s", 1, sanitize_forever)
        call.send(None)
        return weakref.ref(result)

    assert collected(make)
    runtime.runtime_flush()
    assert log.end("tool").metadata["error.type"] == "abandoned"


def test_a_call_whose_error_leads_back_to_it_is_collected(runtime, log):
    """An error knows the frames that it came through, of which one may hold the call."""
    watched = []

    def fail(args):
        error = LookupError("lost")
        error.payload = Payload()
        watched.append(weakref.ref(error.payload))
        raise error

    def make():
        call = runtime.tool_execute("tool", 1, fail)
        runtime.register_tool_sanitize_response_guardrail("s", 1, sanitize_forever)
        call.send(None)
        return watched[0]

    assert collected(make)
    runtime.runtime_flush()
    assert log.end("tool").metadata["error.type"] == "abandoned"


def test_a_stream_whose_owed_cancellation_leads_back_to_it_is_collected(runtime, log):
    """S5.2: the core holds the cancellation until the stream has had its end."""
    watched = []

    class Gone(BaseException):
        """As a cancellation, but it can be watched."""

    def cancel(event, fields):
        watched.append(Payload())
        error = Gone()
        error.payload = watched[0]
        watched[0] = weakref.ref(watched[0])
        raise error

    async def chunks(request):
        yield 1

    def make():
        request = scopeflow.LLMRequest({}, {})
        opening = runtime.llm_stream_execute(
            "llm", request, chunks, None, suspend_forever_at_last, chunk_marks=True
        )
        try:
            opening.send(None)
        except StopIteration as stop:
            stream = stop.value
        runtime.register_mark_sanitize_guardrail("m", 1, cancel)
        stream.__anext__().send(None)
        return watched[0]

    async def suspend_forever_at_last():
        await Suspend()

    assert collected(make)
    runtime.runtime_flush()
    assert log.end("llm").metadata["error.type"] == "abandoned"


def test_a_call_dropped_before_its_start_reached_anybody_never_began(runtime, log):
    runtime.register_tool_sanitize_request_guardrail("s", 1, sanitize_forever)
    call = runtime.tool_execute("tool", 1, str)
    call.send(None)
    del call
    gc.collect()
    runtime.runtime_flush()
    assert log.story() == []


def test_a_call_inside_its_own_intercept_goes_at_once(runtime, log):
    """Without the collector: `next` does not hold the call whose intercept runs."""
    gc.disable()
    try:

        async def around(name, args, next):
            return await next(args)

        runtime.register_tool_execution_intercept("around", 1, around)
        call = runtime.tool_execute("tool", 1, suspend_forever)
        contextvars.Context().run(call.send, None)
        del call
        runtime.runtime_flush()
        assert log.end("tool").metadata["error.type"] == "abandoned"
    finally:
        gc.enable()


@pytest.mark.parametrize("guarded", [False, True])
def test_a_call_whose_metadata_leads_back_to_it_is_collected(runtime, guarded):
    def make():
        metadata = Payload()
        call = runtime.tool_execute("tool", 1, suspend_forever, metadata=metadata)
        metadata["call"] = call
        # In a context of its own: a suspended call is current where it was stepped.
        contextvars.Context().run(call.send, None)
        return weakref.ref(metadata)

    if guarded:

        async def guard(name, args):
            await Suspend()

        runtime.register_tool_conditional_execution_guardrail("g", 1, guard)
    assert collected(make)


@pytest.mark.parametrize("name", ["data", "output"])
def test_a_handle_whose_data_leads_back_to_it_is_collected(runtime, name):
    def make():
        payload = Payload()
        handle = contextvars.Context().run(runtime.scope_push, "a", AGENT, data=payload)
        handle.output = payload
        payload["handle"] = handle
        return weakref.ref(payload)

    assert collected(make)


def test_a_handle_whose_metadata_leads_back_to_it_is_collected(runtime):
    def make():
        metadata = Payload()
        handle = contextvars.Context().run(runtime.scope_push, "a", AGENT, metadata=metadata)
        metadata["handle"] = handle
        handle.close()
        return weakref.ref(metadata)

    assert collected(make)


def test_a_child_keeps_the_metadata_of_its_explicit_parent(runtime):
    """The parent's handle is garbage but for the child, without which its end would be due."""

    def make():
        metadata = Payload(k=1)
        parent = contextvars.Context().run(runtime.scope_push, "parent", AGENT, metadata=metadata)
        metadata["handle"] = parent
        child = contextvars.Context().run(runtime.scope_push, "child", AGENT, handle=parent)
        return child, weakref.ref(metadata)

    child, watched = make()
    gc.collect()
    assert watched()["k"] == 1
    child.close()
    del child
    gc.collect()
    assert watched() is None


def test_an_event_kept_in_its_own_data_is_collected(runtime):
    def make():
        payload = Payload()

        def subscriber(event):
            event.data["event"] = event
            event.data["payload"] = payload

        runtime.register_subscriber("s", subscriber)
        runtime.scope_event("m", data={})
        runtime.deregister_subscriber("s")
        return weakref.ref(payload)

    assert collected(make)


def test_a_callable_is_released_after_its_last_call(runtime):
    class Guard:
        def __call__(self, name, args):
            assert runtime.deregister_tool_conditional_execution_guardrail("g")

    guard = Guard()
    watched = weakref.ref(guard)
    runtime.register_tool_conditional_execution_guardrail("g", 1, guard)
    del guard
    gc.collect()
    assert watched() is not None
    assert runtime.tool_execute_sync("tool", 1, str) == "1"
    gc.collect()
    assert watched() is None


def test_a_callable_that_was_deregistered_is_released_by_every_scope(runtime):
    """What a scope with registrations of its own has looked up before is looked up again."""

    class Guard:
        def __call__(self, name, args):
            pass

    guard = Guard()
    watched = weakref.ref(guard)
    runtime.register_tool_conditional_execution_guardrail("g", 1, guard)
    outer = runtime.scope_push("outer", AGENT)
    runtime.scope_register_tool_conditional_execution_guardrail(outer, "o", 1, guard)
    inner = runtime.scope_push("inner", AGENT)
    runtime.scope_register_subscriber(inner, "own", str)
    runtime.tool_execute_sync("tool", 1, str)
    del guard
    assert runtime.deregister_tool_conditional_execution_guardrail("g")
    gc.collect()
    assert watched() is not None
    assert runtime.scope_deregister_tool_conditional_execution_guardrail(outer, "o")
    gc.collect()
    assert watched() is None


def test_a_runtime_takes_its_callables_with_it():
    class Subscriber:
        def __call__(self, event):
            pass

    subscriber = Subscriber()
    watched = weakref.ref(subscriber)
    runtime = scopeflow.Runtime()
    runtime.register_subscriber("s", subscriber)
    del subscriber, runtime
    gc.collect()
    assert watched() is None


def test_a_million_objects_leave_nothing_behind(runtime):
    """Reference counts are right on every way out, errors included."""

    def failing(args):
        raise ValueError

    def rounds(count):
        for _ in range(count):
            payload, error = Payload(), ValueError("x")
            with runtime.scope("a", AGENT, input=payload, metadata=payload, data=payload) as handle:
                handle.output = payload
                runtime.scope_event("m", data=payload, metadata=payload)
                runtime.tool_execute_sync("t", payload, str, metadata=payload, data=payload)
                with pytest.raises(ValueError):
                    runtime.tool_execute_sync("t", payload, failing)
                with pytest.raises(scopeflow.InvalidArgument):
                    runtime.scope_push("b", AGENT, metadata=payload, attributes=64)
                with pytest.raises(scopeflow.LimitExceeded):
                    runtime.tool_execute_sync("t" * 70_000, payload, str, metadata=payload)
                runtime.scope_pop(runtime.scope_push("c", AGENT), error=error, metadata=payload)
                call = runtime.tool_execute("t", payload, suspend_forever, metadata=payload)
                call.send(None)
                call.close()
            watched.append(sys.getrefcount(payload))

    watched = []
    rounds(3)
    runtime.register_subscriber("s", lambda event: event.data)
    rounds(3)
    runtime.register_tool_conditional_execution_guardrail("g", 1, lambda name, args: None)
    rounds(3)
    # The local and the argument of getrefcount; the handle's data, metadata and output; and the
    # metadata that the core keeps as long as the handle.
    assert set(watched) == {6}
    before = len(gc.get_objects())
    rounds(200)
    gc.collect()
    assert len(gc.get_objects()) - before < 50 + 200


def test_a_stale_chain_keeps_nothing_alive(runtime):
    """What a scope saw when it was last asked is let go with the registration, also if the scope
    has ended and nobody asks it again."""

    def guard(name, payload):
        return payload

    guard.runtime = runtime
    guarded = weakref.ref(guard)
    with runtime.scope("a", AGENT) as handle:
        runtime.register_tool_sanitize_request_guardrail("global", 1, guard)
        runtime.scope_register_subscriber(handle, "local", print)
        runtime.scope_event("resolves")
    guard.handle = handle
    runtime.deregister_tool_sanitize_request_guardrail("global")
    del guard, handle
    gc.collect()
    assert guarded() is None
