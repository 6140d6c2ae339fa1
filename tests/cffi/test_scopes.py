"""Scopes, marks, events, what is known of a runtime, and contexts that go to another process."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from host import Failed, Host, Taken


def names(events: list[dict]) -> list[str]:
    return [f"{event.get('scope_category') or event['kind']} {event['name']}" for event in events]


def test_a_scope_and_a_mark_in_it(host):
    lib, heard = host.lib, host.hear()
    agent = host.push("agent", type=lib.SCOPEFLOW_SCOPE_TYPE_AGENT, input={"goal": "tea"},
                      metadata=Taken({"team": 7}))  # fmt: skip
    assert host.objects[lib.scopeflow_scope_metadata(agent)] == {"team": 7}
    info = host.read("scope_describe", "scopeflow_scope_info", agent)
    assert (host.text_of(info.name), info.type) == ("agent", lib.SCOPEFLOW_SCOPE_TYPE_AGENT)
    host.run("scope_event", current=agent, name="thinking", data=["leaves", 1, 0.5, None, True])
    assert (lib.scopeflow_scope_is_open(agent), lib.scopeflow_scope_is_in_force(agent)) == (1, 1)
    host.pop(agent, output="done")
    assert (lib.scopeflow_scope_is_open(agent), lib.scopeflow_scope_is_in_force(agent)) == (0, 0)
    lib.scopeflow_scope_release(agent)
    assert names(heard) == ["start agent", "mark thinking", "end agent"]
    assert [event["data"] for event in heard] == [
        {"goal": "tea"}, ["leaves", 1, 0.5, None, True], "done",
    ]  # fmt: skip
    assert heard[1]["parent_uuid"] == heard[0]["uuid"]
    stats = host.read("runtime_read_stats", "scopeflow_runtime_stats", host.runtime)
    assert (stats.scope_event_count, stats.mark_event_count) == (2, 1)


def test_a_scope_is_held_as_often_as_it_is_retained(host):
    agent = host.push("agent")
    assert host.lib.scopeflow_scope_retain(agent) == agent
    host.lib.scopeflow_scope_release(agent)
    assert host.lib.scopeflow_scope_is_open(agent)
    host.pop(agent)
    host.lib.scopeflow_scope_release(agent)


def test_an_ended_scope_gives_its_memory_back_and_comes_back(host):
    lib = host.lib
    parent = host.push("parent")
    scope = host.push("agent", current=parent, type=lib.SCOPEFLOW_SCOPE_TYPE_AGENT)
    before = host.read("scope_describe", "scopeflow_scope_info", scope)
    uuid, started = bytes(before.uuid.bytes), before.started_at_ns
    assert not host.read("scope_retire", "scopeflow_scope_remains", scope).is_retired
    host.pop(scope)
    remains = host.read("scope_retire", "scopeflow_scope_remains", scope)
    assert (remains.is_retired, remains.started_at_ns) == (1, started)
    assert bytes(remains.uuid.bytes) == uuid
    name, detail, text = host.texts("agent", "", str(UUID(bytes=uuid)))
    again = host.read("scope_recall", "scopeflow_scope *", host.runtime, parent, name, detail,
                      lib.SCOPEFLOW_SCOPE_TYPE_AGENT, 0, text, started)  # fmt: skip
    after = host.read("scope_describe", "scopeflow_scope_info", again)
    assert (bytes(after.uuid.bytes), host.text_of(after.name)) == (uuid, "agent")
    assert (after.started_at_ns, after.is_open) == (started, 0)
    lib.scopeflow_scope_release(again)
    host.pop(parent)
    lib.scopeflow_scope_release(parent)


def test_a_scope_that_nobody_holds_is_ended_by_the_next_operation(host):
    heard = host.hear()
    host.lib.scopeflow_scope_release(host.push("forgotten"))
    host.run("runtime_flush")
    assert names(heard) == ["start forgotten", "end forgotten"]


def test_roots(host):
    root = host.read("runtime_root", "scopeflow_scope *", host.runtime)
    own = host.read("scope_new_root", "scopeflow_scope *", host.runtime)
    assert root != own
    for scope in (root, own):
        host.lib.scopeflow_scope_release(scope)


def test_what_a_failed_operation_would_have_taken_stays_the_callers(host):
    with pytest.raises(Failed, match="type") as failure:
        host.push("agent", type=99, metadata=Taken({"team": 7}))
    assert failure.value.status == "invalid_argument"


def test_an_event_outlives_its_delivery_once_it_is_sealed(host):
    lib, kept = host.lib, []

    def keep(event):
        host.call("event_seal", event)
        kept.append(lib.scopeflow_event_retain(event))

    host.register("subscriber", "keep", keep, priority=None)
    agent = host.push("agent", input={"goal": "tea"}, metadata=Taken({"team": 7}))
    host.pop(agent)
    lib.scopeflow_scope_release(agent)
    info = host.read("event_describe", "scopeflow_event_info", kept[0])
    assert host.text_of(info.name) == "agent"
    assert info.scope_category == lib.SCOPEFLOW_SCOPE_CATEGORY_START
    parts = ("DATA", "METADATA", "ATTRIBUTES")
    texts = [
        host.text_of(host.read("event_json", "scopeflow_bytes", kept[0],
                               getattr(lib, f"SCOPEFLOW_EVENT_PART_{part}")))
        for part in parts
    ]  # fmt: skip
    assert [json.loads(text) for text in texts] == [{"goal": "tea"}, {"team": 7}, []]
    for event in kept:
        lib.scopeflow_event_release(event)


def test_the_only_subscriber_fills_in_the_data_of_a_line_by_itself(host):
    lib, heard = host.lib, []

    def fill(event):
        line = host.read("event_open_line", "scopeflow_event_line", event)
        assert line.data_limit_bytes > 0
        options = host.options("payload_text_new", runtime=host.runtime)
        options.payload, options.is_llm_request = line.data, line.is_llm_request
        out = host.ffi.new("scopeflow_payload_text **")
        host.call("payload_text_new", options, out)
        data = host.text_of(host.read("payload_text_json", "scopeflow_bytes", out[0]))
        lib.scopeflow_payload_text_free(out[0])
        text, offset = host.text_of(line.json), line.data_offset_bytes
        heard.append(json.loads(text[:offset] + data + text[offset:]))

    host.register("subscriber", "fill", fill, priority=None)
    request = {"headers": {"Cookie": "c", "x": 1}, "content": {"b": 2.5}}
    call = host.run("llm_call", name="openai", request=request)
    host.run("llm_call_end", call, response=[7])
    lib.scopeflow_scope_release(call)
    assert heard[0]["data"] == {"headers": {"x": 1}, "content": {"b": 2.5}}
    assert heard[1]["data"] == [7]
    assert [event["scope_category"] for event in heard] == ["start", "end"]


def test_every_kind_of_token(host):
    lib, heard = host.lib, host.hear()

    def walk(tape):
        text = lib.scopeflow_tape_put_text
        lib.scopeflow_tape_put_mark(tape, lib.SCOPEFLOW_TOKEN_ARRAY)
        lib.scopeflow_tape_put_uint(tape, 2**64 - 1)
        text(tape, lib.SCOPEFLOW_TOKEN_BYTES, *host.texts(b"\x00\xff"))
        text(tape, lib.SCOPEFLOW_TOKEN_BIG_INTEGER, *host.texts(str(2**70)))
        lib.scopeflow_tape_put_cycle(tape, 1)
        lib.scopeflow_tape_put_mark(tape, lib.SCOPEFLOW_TOKEN_TOO_DEEP)
        lib.scopeflow_tape_put_json(tape, *host.texts('{"a":[1]}'))
        lib.scopeflow_tape_put_tokens(tape, *host.texts(bytes([lib.SCOPEFLOW_TOKEN_TRUE])))
        assert lib.scopeflow_tape_is_full(tape) == 0
        assert lib.scopeflow_tape_full_at(tape) > 0
        lib.scopeflow_tape_put_mark(tape, lib.SCOPEFLOW_TOKEN_SET)
        host.put(tape, "b")
        host.put(tape, "a")
        lib.scopeflow_tape_put_mark(tape, lib.SCOPEFLOW_TOKEN_END)
        host.put(tape, object())
        lib.scopeflow_tape_put_mark(tape, lib.SCOPEFLOW_TOKEN_OBJECT)
        lib.scopeflow_tape_put_member(tape, *host.texts("role"), *host.texts("user"))
        lib.scopeflow_tape_put_mark(tape, lib.SCOPEFLOW_TOKEN_END)
        lib.scopeflow_tape_put_mark(tape, lib.SCOPEFLOW_TOKEN_END)

    host.run("scope_event", name="all", data=walk)
    assert heard[0]["data"] == [
        2**64 - 1, {"$bytes": "AP8="}, {"$integer": str(2**70)}, {"$cycle": 1}, {"$depth": 128},
        {"a": [1]}, True, ["a", "b"], {"$unserializable": "object"},
        {"role": "user"},
    ]  # fmt: skip


def test_a_failing_subscriber_is_told_to_the_log_only(host):
    def fail(_event):
        raise ValueError("no ears")

    host.register("subscriber", "deaf", fail, priority=None)
    host.run("scope_event", name="noise")
    assert len(host.messages) == 1 and "no ears" in host.messages[0]
    error = host.read("runtime_last_error", "scopeflow_error", host.runtime, 0)
    assert host.ffi.string(error.message).decode() == host.messages[0]


def test_a_closed_runtime_refuses(host):
    heard = host.hear()
    agent = host.push("agent")
    host.run("runtime_close")
    assert names(heard) == ["start agent", "end agent"]
    with pytest.raises(Failed) as failure:
        host.push("late")
    assert failure.value.status == "invalid_state"
    host.lib.scopeflow_scope_release(agent)


def test_credential_headers(library):
    host = Host(library, credential_headers="x-secret")
    found = [
        host.read("runtime_is_credential_header", "uint32_t", host.runtime, *host.texts(name))
        for name in ("X-Secret", "authorization")
    ]
    assert found == [1, 0]
    host.close()


def test_a_child_process_cannot_end_what_its_parent_opened(host):
    """Without a fork: what the child calls has the same effect here."""
    agent = host.push("agent")
    host.call("runtime_after_fork", host.runtime)
    with pytest.raises(Failed) as failure:
        host.pop(agent)
    assert failure.value.status == "invalid_state"
    host.lib.scopeflow_scope_release(agent)


def test_a_context_goes_on_in_another_process(library, host):
    agent = host.push("agent")
    here = host.read("propagation_capture", "scopeflow_propagation", host.runtime, agent)
    there = Host(library)
    heard = there.hear()
    for text in (here.json, here.traceparent):
        root = there.read("propagation_adopt", "scopeflow_scope *", there.runtime,
                          *there.texts(there.ffi.string(text)))  # fmt: skip
        there.run("scope_event", current=root, name="far")
        there.lib.scopeflow_scope_release(root)
    there.close()
    assert heard[0]["parent_uuid"].replace("-", "") == bytes(here.parent_uuid.bytes).hex()
    host.pop(agent)
    host.lib.scopeflow_scope_release(agent)


def test_the_library_says_what_it_is(library):
    text = library.ffi.string
    assert text(library.scopeflow_version()).decode().count(".") == 2
    assert library.scopeflow_abi_hash() > 0
    assert text(library.scopeflow_status_name(library.SCOPEFLOW_STATUS_NOT_FOUND)) == b"not_found"
