"""Subscribers: order, failures, events that outlive their delivery (S5.1 to S5.5)."""

from __future__ import annotations

import asyncio
import collections.abc
import gc
import logging
import sys
import threading

import pytest

import scopeflow
from scopeflow import ScopeType

AGENT = ScopeType.Agent


def test_what_a_scope_event_says(runtime, log):
    with runtime.scope(
        "plan",
        AGENT,
        attributes=3,
        input={"b": 1, "a": [None, True, 1.5]},
        metadata={"tenant": "x"},
    ):
        pass
    event = log.start("plan")
    assert isinstance(event, scopeflow.ScopeEvent) and isinstance(event, scopeflow.Event)
    assert (event.kind, event.scope_category, event.atof_version) == ("scope", "start", "0.1")
    assert (event.name, event.category, event.category_profile) == ("plan", "agent", None)
    assert event.attributes == ["parallel", "relocatable"]
    assert event.data == {"b": 1, "a": [None, True, 1.5]}
    assert list(event.data) == ["b", "a"], "key order is the host's (S2.7)"
    assert event.data is event.data, "what was decoded is kept"
    assert event.metadata == {"tenant": "x"}
    assert event.data_schema is None
    assert event.to_dict()["timestamp"] == event.timestamp
    assert (
        list(event.to_dict())
        == (
            "kind atof_version parent_uuid uuid timestamp name data data_schema metadata "
            "scope_category attributes category category_profile"
        ).split()
    )
    assert "start of agent 'plan'" in repr(event)


def test_what_a_mark_says(runtime, log):
    runtime.scope_event("checkpoint", data=[1], metadata={"k": "v"})
    (event,) = log.events
    assert isinstance(event, scopeflow.MarkEvent)
    assert (event.kind, event.scope_category, event.category) == ("mark", None, None)
    assert (event.data, event.metadata) == ([1], {"k": "v"})
    assert event.parent_uuid == runtime.get_handle().uuid
    assert (
        list(event.to_dict())
        == (
            "kind atof_version parent_uuid uuid timestamp name data data_schema metadata "
            "category category_profile"
        ).split()
    )
    assert "MarkEvent 'checkpoint'" in repr(event)


def test_timestamps_before_1970_and_far_away_are_written(runtime, log):
    for at in (-1, -(10**18), 253_402_300_799_999_999_999 // 100):
        runtime.scope_event("m", timestamp=at)
    for event in log.events:
        assert event.timestamp == event.to_dict()["timestamp"]


# --- Order (S5.1) ---


def test_global_before_outer_before_inner_in_order_of_registration(runtime):
    order = []

    def subscriber(label):
        return lambda event: order.append(label)

    with runtime.scope("outer", AGENT) as outer, runtime.scope("inner", AGENT) as inner:
        runtime.scope_register_subscriber(inner, "i", subscriber("inner"))
        runtime.scope_register_subscriber(outer, "o", subscriber("outer"))
        runtime.register_subscriber("z", subscriber("z"))
        runtime.register_subscriber("a", subscriber("a"))
        runtime.scope_event("m")
        assert order == ["z", "a", "outer", "inner"]


def test_an_event_from_a_subscriber_waits_until_everybody_has_the_present_one(runtime):
    order = []

    def first(event):
        order.append(f"first {event.name}")
        if event.name == "outer":
            runtime.scope_event("inner", data={"from": "first"})
            order.append("emitted")

    runtime.register_subscriber("1", first)
    runtime.register_subscriber("2", lambda event: order.append(f"second {event.name}"))
    runtime.scope_event("outer")
    assert order == ["first outer", "emitted", "second outer", "first inner", "second inner"]


def test_a_subscriber_may_do_anything(runtime, log):
    def busy(event):
        if event.name != "outer":
            return
        with runtime.scope("inside", AGENT):
            assert runtime.tool_execute_sync("tool", 1, str) == "1"
        runtime.register_subscriber("new", lambda event: None)
        runtime.deregister_subscriber("busy")

    runtime.register_subscriber("busy", busy)
    runtime.scope_event("outer")
    assert log.story() == [
        "mark outer",
        "start inside",
        "start tool",
        "end tool",
        "end inside",
    ]


def test_an_endless_row_of_events_is_cut_and_counted(runtime):
    def echo(event):
        if event.name == "first":
            for i in range(1_100):
                runtime.scope_event("echo", data=i)

    runtime.register_subscriber("echo", echo)
    runtime.scope_event("first")
    assert runtime.stats().dropped_event_count == 1_100 - 1_024
    assert runtime.stats().mark_event_count == 1 + 1_024


def test_threads_have_rows_of_their_own(runtime):
    """A thread that emits while another one delivers does not wait for it."""
    entered, leave = threading.Event(), threading.Event()
    seen = []

    def subscriber(event):
        seen.append(event.name)
        if event.name == "slow":
            entered.set()
            assert leave.wait(10)

    runtime.register_subscriber("s", subscriber)
    slow = threading.Thread(target=runtime.scope_event, args=("slow",))
    slow.start()
    assert entered.wait(10)
    runtime.scope_event("quick")
    assert seen == ["slow", "quick"]
    leave.set()
    slow.join()


def test_many_threads_lose_nothing(runtime, log):
    def work(number):
        for _ in range(50):
            with runtime.scope(f"s{number}", AGENT) as handle:
                runtime.scope_event(f"m{number}", data=handle.uuid)
                runtime.tool_execute_sync(f"t{number}", 1, str)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(old)
    assert len(log.events) == 8 * 50 * 5
    marks = [event for event in log.events if event.kind == "mark"]
    assert all(event.parent_uuid == event.data for event in marks)
    assert len({event.uuid for event in log.events}) == 8 * 50 * 3


# --- Failures (S5.2) ---


def test_a_failing_subscriber_is_logged_and_counted_and_nobody_else_notices(runtime, caplog):
    seen = []

    def broken(event):
        raise ValueError("out of paper")

    runtime.register_subscriber("broken", broken)
    runtime.register_subscriber("fine", seen.append)
    with caplog.at_level(logging.ERROR, "scopeflow"):
        assert runtime.tool_execute_sync("tool", 1, str) == "1"
    assert len(seen) == 2
    assert runtime.stats().subscriber_error_count == 2
    record = caplog.records[0]
    assert record.name == "scopeflow"
    assert "subscriber 'broken' failed: ValueError: out of paper" in record.getMessage()
    assert record.exc_info[2] is not None


def test_when_logging_fails_too_the_interpreters_hook_is_told(runtime, monkeypatch):
    told = []

    def broken(event):
        raise ValueError("boom")

    class NoLogging:
        def __getattr__(self, name):
            raise RuntimeError("no logging")

    runtime.register_subscriber("broken", broken)
    monkeypatch.setitem(sys.modules, "logging", NoLogging())
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    runtime.scope_event("m")
    monkeypatch.undo()
    assert [str(unraisable.exc_value) for unraisable in told] == ["boom"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_an_exit_is_raised_once_everybody_has_the_event(runtime, kind):
    seen, error = [], kind("stop")

    def exits(event):
        if event.name == "m":
            raise error

    runtime.register_subscriber("exits", exits)
    runtime.register_subscriber("log", seen.append)
    with pytest.raises(kind) as caught:
        runtime.scope_event("m")
    assert caught.value is error
    assert [event.name for event in seen] == ["m"]
    assert runtime.stats().subscriber_error_count == 0


def test_an_exit_during_a_start_still_gets_its_end(runtime):
    seen = []

    def exits(event):
        if event.scope_category == "start":
            raise KeyboardInterrupt

    runtime.register_subscriber("exits", exits)
    runtime.register_subscriber("log", lambda event: seen.append(event.scope_category))
    with pytest.raises(KeyboardInterrupt):
        runtime.tool_execute_sync("tool", 1, str)
    assert seen == ["start", "end"]
    assert runtime.get_handle().name == "root"
    with pytest.raises(KeyboardInterrupt):
        runtime.scope_push("a", AGENT)
    assert runtime.get_handle().name == "root"
    runtime.runtime_flush()
    assert seen == ["start", "end", "start", "end"]


def test_async_subscribers_are_refused(runtime):
    async def subscriber(event):
        pass

    for register in (
        runtime.register_subscriber,
        lambda *a: runtime.scope_register_subscriber(runtime.get_handle(), *a),
    ):
        with pytest.raises(scopeflow.InvalidArgument):
            register("async", subscriber)
    assert runtime.deregister_subscriber("async") is False


def test_a_subscriber_that_turns_out_to_be_async_has_failed(runtime, caplog):
    async def subscriber(event):
        pass

    runtime.register_subscriber("s", lambda event: subscriber(event))
    with caplog.at_level(logging.ERROR, "scopeflow"):
        runtime.scope_event("m")
    assert "must be sync" in caplog.text
    assert runtime.stats().subscriber_error_count == 1


# --- Data (S5.4, S5.5) ---


class Payload(collections.abc.Mapping):
    """Counts how often it is encoded."""

    count = 0

    def __iter__(self):
        self.count += 1
        return iter(())

    def __len__(self):
        return 0

    def __getitem__(self, key):
        raise KeyError(key)


def test_nobody_looks_nobody_encodes(runtime):
    payload = Payload()
    with runtime.scope("unheard", AGENT, input=payload):
        runtime.tool_execute_sync("unheard", payload, lambda args: args)
    runtime.register_subscriber("blind", lambda event: event.name)
    with runtime.scope("heard", AGENT, input=payload):
        runtime.tool_execute_sync("heard", payload, lambda args: args)
    assert payload.count == 0
    runtime.register_subscriber("looks", lambda event: event.data)
    runtime.scope_event("seen", data=payload)
    assert payload.count > 0


def test_later_changes_of_the_application_are_not_seen(runtime, log):
    payload = {"list": [1]}
    runtime.scope_event("m", data=payload)
    payload["list"].append(2)
    (event,) = log.events
    assert event.data == {"list": [1]}


@pytest.mark.parametrize("keep", ["object", "method", "closure"])
def test_whatever_keeps_an_event_keeps_its_data(runtime, keep):
    kept = []

    def subscriber(event):
        if keep == "object":
            kept.append(lambda: event.to_dict())
        elif keep == "method":
            kept.append(event.to_dict)
        else:
            kept.append(lambda event=event: event.to_dict())

    runtime.register_subscriber("s", subscriber)
    payload = {"n": 1}
    handle = runtime.scope_push("a", AGENT, input=payload, metadata=payload)
    payload["n"] = 2
    handle.close(output=payload)
    payload["n"] = 3
    del payload, handle
    gc.collect()
    start, end = (function() for function in kept)
    assert start["data"] == start["metadata"] == {"n": 1}
    assert end["data"] == end["metadata"] == {"n": 2}


def test_what_one_subscriber_kept_is_as_of_the_emission_whatever_the_next_one_does(runtime):
    kept, payload = [], [1]
    runtime.register_subscriber("keeper", kept.append)
    runtime.register_subscriber("changer", lambda event: payload.append(2))
    runtime.scope_event("m", data=payload)
    assert kept[0].data == [1]


def test_an_event_that_a_failing_subscriber_keeps_is_encoded_too(runtime, caplog):
    kept = []

    def subscriber(event):
        kept.append(event)
        raise ValueError

    runtime.register_subscriber("s", subscriber)
    payload = [1]
    runtime.scope_event("m", data=payload)
    payload.append(2)
    assert kept[0].data == [1]


def test_subscribers_cannot_see_each_others_changes(runtime):
    seen = []

    def vandal(event):
        event.data["list"].append("graffiti")
        event.metadata.clear()

    payload, metadata = {"list": []}, {"k": 1}
    runtime.register_subscriber("vandal", vandal)
    runtime.register_subscriber("s", lambda event: seen.append((event.data, event.metadata)))
    runtime.scope_event("m", data=payload, metadata=metadata)
    assert seen == [({"list": []}, {"k": 1})]
    assert (payload, metadata) == ({"list": []}, {"k": 1})


def test_the_counters(runtime, log):
    with runtime.scope("a", AGENT):
        runtime.scope_event("m")
    stats = runtime.stats()
    assert (stats.scope_event_count, stats.mark_event_count) == (2, 1)
    assert "scope_event_count=2" in repr(stats)


# --- The modules ---


def test_the_modules_serve_the_default_runtime():
    from scopeflow import guardrails, scope, scope_local, subscribers, tools

    seen = []
    with subscribers.subscriber("s", lambda event: seen.append(event.name)):
        with guardrails.tool_conditional_execution("g", 1, lambda name, args: "no"):
            with pytest.raises(scopeflow.GuardrailRejected):
                tools.execute_sync("refused", 1, print)
        assert tools.execute_sync("allowed", 1, str) == "1"
        with scope.scope("a", AGENT) as handle:
            scope_local.register_subscriber(handle, "local", lambda event: seen.append("local"))
            scope.event("m")
            assert scope_local.deregister_subscriber(handle, "local") is True
        subscribers.flush()
    scope.event("unheard")
    assert seen == ["refused", "allowed", "allowed", "a", "m", "local", "a"]
    assert subscribers.deregister("s") is False
