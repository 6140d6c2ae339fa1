"""Scopes: what is current, which parent an event has, and in which order scopes may end (S1)."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scopeflow
from scopeflow import EndStatus, ScopeAttributes, ScopeType

AGENT = ScopeType.Agent


def in_new_context(function, *arguments):
    return contextvars.Context().run(function, *arguments)


def test_nested_scopes_are_children_of_the_enclosing_ones(runtime, log):
    with runtime.scope("outer", AGENT) as outer, runtime.scope("inner", AGENT):
        runtime.scope_event("mark")
    assert log.story() == ["start outer", "start inner", "mark mark", "end inner", "end outer"]
    assert log.start("inner").parent_uuid == outer.uuid
    assert log.named("mark").parent_uuid == log.start("inner").uuid
    assert log.start("outer").parent_uuid == runtime.get_handle().uuid


def test_a_handle_knows_its_scope(runtime):
    metadata = {"a": 1}
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    handle = runtime.scope_push(
        "plan",
        ScopeType.Custom,
        attributes=ScopeAttributes.PARALLEL,
        data="kept",
        metadata=metadata,
        subtype="step",
    )
    assert handle.name == "plan"
    assert handle.scope_type is ScopeType.Custom
    assert handle.subtype == "step"
    assert handle.attributes == ScopeAttributes.PARALLEL and handle.attributes.is_parallel
    assert handle.data == "kept"
    assert handle.metadata is metadata
    assert handle.tool_call_id is None
    assert handle.parent_uuid == runtime.runtime_root().uuid
    assert before < handle.started_at < before + timedelta(hours=1)
    assert handle.is_open
    assert "ScopeHandle 'plan' custom open" in repr(handle)
    runtime.scope_pop(handle)
    assert not handle.is_open and "ended" in repr(handle)
    assert handle.name == "plan", "an ended scope still knows what it was (S1.8)"


def test_the_root_is_current_where_nothing_was_opened(runtime):
    root = runtime.get_handle()
    assert (root.name, root.scope_type, root.parent_uuid) == ("root", AGENT, None)
    assert runtime.get_handle() is root
    with pytest.raises(scopeflow.InvalidArgument):
        runtime.scope_pop(root)


def test_get_handle_gives_the_very_handle_that_was_opened(runtime):
    with runtime.scope("a", AGENT) as handle:
        assert runtime.get_handle() is handle
    assert runtime.get_handle() is not handle


def test_a_with_says_how_it_ended(runtime, log):
    with runtime.scope("fine", AGENT) as handle:
        handle.output = {"answer": 42}
    with pytest.raises(KeyError) as caught, runtime.scope("broken", AGENT):
        raise KeyError("x")
    with pytest.raises(asyncio.CancelledError), runtime.scope("cancelled", AGENT):
        raise asyncio.CancelledError
    assert log.end("fine").data == {"answer": 42}
    assert log.end("fine").metadata == {"otel.status_code": "OK"}
    assert log.end("broken").metadata == {
        "otel.status_code": "ERROR",
        "otel.status_description": str(caught.value),
        "error.type": "exception",
        "exception.type": "KeyError",
    }
    assert log.end("cancelled").metadata["error.type"] == "cancelled"


def test_an_end_names_an_error_of_the_runtimes_own(runtime, log):
    """S2.4: whoever tells of the end, `error.type` is the name of S7.1."""
    refusal = scopeflow.GuardrailRejected("no")
    with pytest.raises(scopeflow.NotFound), runtime.scope("with", AGENT):
        handle = runtime.scope_push("ended", AGENT)
        handle.close()
        runtime.scope_pop(handle)
    runtime.scope_pop(runtime.scope_push("popped", AGENT), error=refusal)
    runtime.tool_call_end(runtime.tool_call("called", 1), error=refusal)
    for name in ("with", "popped", "called"):
        expected = "not_found" if name == "with" else "guardrail_rejected"
        assert log.end(name).metadata["error.type"] == expected
    assert log.end("popped").metadata["exception.type"] == "GuardrailRejected"


def test_a_manual_end_says_what_it_is_told(runtime, log):
    runtime.scope_pop(runtime.scope_push("silent", AGENT))
    runtime.scope_pop(runtime.scope_push("told", AGENT), status=EndStatus.Ok)
    runtime.scope_pop(runtime.scope_push("failed", AGENT), error=ValueError("boom"))
    assert log.end("silent").metadata is None
    assert log.end("told").metadata == {"otel.status_code": "OK"}
    assert log.end("failed").metadata["otel.status_description"] == "boom"
    assert log.end("failed").metadata["exception.type"] == "ValueError"


def test_nothing_opens_before_the_with_is_entered(runtime, log):
    manager = runtime.scope("late", AGENT)
    assert log.events == []
    with manager:
        assert log.story() == ["start late"]


def test_timestamps_are_taken_to_the_nanosecond(runtime, log):
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=2)))
    handle = runtime.scope_push("a", AGENT, timestamp=at)
    runtime.scope_pop(handle, timestamp=handle.started_at_ns + 1_001)
    assert log.start("a").timestamp == "2026-01-02T01:04:05.678901000Z"
    assert log.end("a").timestamp == "2026-01-02T01:04:05.678902001Z"
    assert log.start("a").time == at == handle.started_at


def test_an_end_before_its_start_is_refused(runtime, log):
    handle = runtime.scope_push("a", AGENT)
    with pytest.raises(scopeflow.InvalidArgument):
        runtime.scope_pop(handle, timestamp=handle.started_at_ns - 1)
    assert log.story() == ["start a"]
    assert runtime.get_handle() is handle, "a failed operation leaves everything as it was (S7.3)"
    runtime.scope_pop(handle)


def test_an_ancestor_with_an_open_descendant_cannot_be_popped(runtime, log):
    outer = runtime.scope_push("outer", AGENT)
    inner = runtime.scope_push("inner", AGENT)
    with pytest.raises(scopeflow.InvalidArgument):
        runtime.scope_pop(outer)
    assert log.story() == ["start outer", "start inner"]
    outer.close()
    assert runtime.get_handle() is inner
    runtime.scope_pop(inner)
    assert runtime.get_handle().name == "root", "the nearest open scope is restored (S1.5)"


def test_ending_twice_is_not_found_and_closing_twice_is_quiet(runtime, log):
    handle = runtime.scope_push("a", AGENT)
    runtime.scope_pop(handle)
    with pytest.raises(scopeflow.NotFound):
        runtime.scope_pop(handle)
    handle.close()
    assert log.story() == ["start a", "end a"]


def test_siblings_under_gather_end_in_any_order(runtime, log):
    async def work(name, turns):
        with runtime.scope(name, AGENT):
            for _ in range(turns):
                await asyncio.sleep(0)
                assert runtime.get_handle().name == name

    async def main():
        with runtime.scope("main", AGENT) as handle:
            await asyncio.gather(*(work(f"w{i}", (7 * i) % 5) for i in range(10)))
            assert runtime.get_handle() is handle

    asyncio.run(main())
    parent = log.start("main").uuid
    workers = [event for event in log.events if event.name.startswith("w")]
    assert len(workers) == 20
    assert {event.parent_uuid for event in workers} == {parent}


def test_a_task_never_changes_what_its_creator_sees(runtime):
    async def leak():
        runtime.scope_push("leaked", AGENT)

    async def main():
        with runtime.scope("main", AGENT) as handle:
            await asyncio.create_task(leak())
            assert runtime.get_handle() is handle

    asyncio.run(main())


def test_a_task_that_outlives_its_scope_goes_on_under_the_nearest_open_one(runtime, log):
    async def main():
        gate = asyncio.Event()

        async def late():
            await gate.wait()
            with runtime.scope("late", AGENT):
                pass

        with runtime.scope("outer", AGENT) as outer:
            with runtime.scope("inner", AGENT) as inner:
                task = asyncio.create_task(late())
            gate.set()
            await task
        return outer.uuid, inner.uuid

    outer, inner = asyncio.run(main())
    start = log.start("late")
    assert start.parent_uuid == outer
    assert start.metadata == {"scope.detached_from": inner}


def test_a_scope_may_be_closed_in_another_task_or_thread(runtime, log):
    handle = runtime.scope_push("a", AGENT)
    thread = threading.Thread(target=handle.close)
    thread.start()
    thread.join()
    assert log.story() == ["start a", "end a"]
    assert runtime.get_handle().name == "root"
    with runtime.scope("next", AGENT):
        pass
    assert log.start("next").metadata == {"scope.detached_from": handle.uuid}


def test_a_root_level_scope_is_restored_by_value_in_a_copied_context(runtime):
    handle = runtime.scope_push("a", AGENT)
    copied = contextvars.copy_context()
    copied.run(handle.close)
    assert copied.run(runtime.get_handle).name == "root"
    assert runtime.get_handle().name == "root"


def test_threads_begin_at_the_root(runtime):
    seen = []
    with runtime.scope("main", AGENT):
        thread = threading.Thread(target=lambda: seen.append(runtime.get_handle().name))
        thread.start()
        thread.join()
    assert seen == ["root"]


def test_an_explicit_parent_is_not_what_is_restored(runtime, log):
    first = runtime.scope_push("first", AGENT)
    second = runtime.scope_push("second", AGENT)
    with runtime.scope("child", AGENT, handle=first):
        pass
    assert log.start("child").parent_uuid == first.uuid
    assert runtime.get_handle() is second
    second.close()
    first.close()


def test_a_generator_that_is_closed_elsewhere_ends_its_scope_once(runtime, log):
    async def producer():
        with runtime.scope("producer", AGENT):
            yield 1
            yield 2

    async def main():
        stream = producer()
        assert await anext(stream) == 1
        await asyncio.create_task(stream.aclose())

    asyncio.run(main())
    assert log.story() == ["start producer", "end producer"]
    assert log.end("producer").metadata["error.type"] == "cancelled"


def test_two_runtimes_share_nothing(runtime, log):
    other = scopeflow.Runtime()
    with runtime.scope("a", AGENT) as handle:
        assert other.get_handle().name == "root"
        with pytest.raises(scopeflow.InvalidArgument):
            other.scope_push("b", AGENT, handle=handle)
        with other.scope("other", AGENT):
            assert runtime.get_handle() is handle
    assert log.story() == ["start a", "end a"]


@given(st.permutations(range(6)))
def test_scopes_of_one_context_close_in_any_order(order):
    runtime = scopeflow.Runtime()

    def run():
        handles = [runtime.scope_push(f"s{i}", AGENT) for i in range(len(order))]
        still_open = set(range(len(order)))
        for index in order:
            handles[index].close()
            still_open.discard(index)
            expected = handles[max(still_open)].name if still_open else "root"
            assert runtime.get_handle().name == expected
        assert runtime.scope_push("next", AGENT).parent_uuid == runtime.runtime_root().uuid

    in_new_context(run)


def test_a_scope_manager_is_entered_once_at_a_time(runtime, log):
    manager = runtime.scope("a", AGENT)
    with manager, pytest.raises(scopeflow.InvalidState, match="entered already"):
        manager.__enter__()
    with manager:
        pass
    assert log.story() == ["start a", "end a"] * 2
