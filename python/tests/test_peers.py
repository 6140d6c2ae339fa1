"""What the peers' users know beside the modules: the helpers' shape, flushing, the flat names."""

from __future__ import annotations

import asyncio
import json

import pytest

import scopeflow
from scopeflow import (
    LLMRequest,
    ScopeType,
    _native,
    guardrails,
    intercepts,
    llm,
    subscribers,
    tools,
)


@pytest.fixture
def request_intercept():
    """Registers a tool's and a model's request intercept, plain or waiting."""
    registered = []

    def register(tool, model):
        intercepts.register_tool_request("tool", 1, False, tool)
        intercepts.register_llm_request("model", 1, False, model)
        registered.append(True)

    yield register
    intercepts.deregister_tool_request("tool")
    intercepts.deregister_llm_request("model")


@pytest.fixture
def guard():
    def register(tool, model):
        guardrails.register_tool_conditional_execution("tool", 1, tool)
        guardrails.register_llm_conditional_execution("model", 1, model)

    yield register
    guardrails.deregister_tool_conditional_execution("tool")
    guardrails.deregister_llm_conditional_execution("model")


def changed(name, args):
    args["changed"] = name
    return args


def changed_request(name, request, annotated):
    return LLMRequest(request.headers, {**request.content, "changed": name}), annotated


def test_request_intercepts_at_once(request_intercept):
    request_intercept(changed, changed_request)
    given = {"a": 1}
    assert tools.request_intercepts("t", given) == {"a": 1, "changed": "t"}
    assert given == {"a": 1}
    made = llm.request_intercepts("m", LLMRequest({}, {"a": 1}))
    assert made.content == {"a": 1, "changed": "m"}


def test_request_intercepts_that_wait(request_intercept):
    async def tool(name, args):
        await asyncio.sleep(0)
        return changed(name, args)

    async def model(name, request, annotated):
        await asyncio.sleep(0.001)
        return changed_request(name, request, annotated)

    async def main():
        waiting = tools.request_intercepts("t", {})
        assert await waiting == {"changed": "t"}
        made = await llm.request_intercepts("m", LLMRequest({}, {}))
        assert made.content == {"changed": "m"}
        assert await tools.request_intercepts_async("t", {}) == {"changed": "t"}
        with pytest.raises(scopeflow.InvalidState):
            tools.request_intercepts_sync("t", {})

    request_intercept(tool, model)
    asyncio.run(main())


def test_what_waits_can_be_cancelled(request_intercept):
    ended = []

    async def tool(name, args):
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(name)

    async def main():
        async def call():
            await tools.request_intercepts("t", {})

        task = asyncio.create_task(call())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    request_intercept(tool, changed_request)
    asyncio.run(main())
    assert ended == ["t"]


def test_an_error_comes_out_with_a_note(request_intercept):
    def failing(*arguments):
        raise KeyError("boom")

    request_intercept(failing, failing)
    for call in (
        lambda: tools.request_intercepts("t", {}),
        lambda: llm.request_intercepts("m", LLMRequest({}, {})),
    ):
        with pytest.raises(KeyError, match="callable failed"):
            call()


def test_conditional_execution_at_once_and_later(guard):
    async def refuse(*arguments):
        await asyncio.sleep(0)
        return "too late"

    async def main():
        with pytest.raises(scopeflow.GuardrailRejected, match="guardrail rejected: too late"):
            await llm.conditional_execution(LLMRequest({}, {}))

    guard(lambda name, args: args["reason"], refuse)
    assert tools.conditional_execution("t", {"reason": None}) is None
    with pytest.raises(RuntimeError, match="guardrail rejected: no"):
        tools.conditional_execution("t", {"reason": "no"})
    with pytest.raises(RuntimeError, match="expected str or None"):
        tools.conditional_execution("t", {"reason": 123})
    asyncio.run(main())


# --- Flushing ---


@pytest.fixture
def exporter(tmp_path):
    config = scopeflow.AtofExporterConfig()
    config.output_directory, config.filename = tmp_path, "events.jsonl"
    made = scopeflow.AtofExporter(config)
    made.register("file")
    yield made
    made.shutdown()


def names_in(exporter):
    with open(exporter.path, encoding="utf-8") as file:
        return [json.loads(line)["name"] for line in file]


def test_flush_waits_for_exporters(exporter):
    assert repr(exporter) == "<AtofExporter>"
    scopeflow.scope.event("first")
    subscribers.flush()
    assert names_in(exporter) == ["first"]
    for wrong in (-1, float("nan")):
        with pytest.raises(scopeflow.InvalidArgument, match="timeout_s must be 0 or more"):
            subscribers.flush(wrong)


def test_flush_async_lets_the_loop_run(exporter):
    async def main():
        scopeflow.scope.event("second")
        ticks = []
        ticking = asyncio.create_task(tick(ticks))
        await subscribers.flush_async()
        ticking.cancel()
        return ticks

    async def tick(ticks):
        while True:
            ticks.append(None)
            await asyncio.sleep(0)

    assert asyncio.run(main())
    assert names_in(exporter) == ["second"]


def test_flush_async_without_a_loop(exporter):
    scopeflow.scope.event("third")
    with pytest.raises(StopIteration):
        subscribers.flush_async().send(None)
    assert names_in(exporter) == ["third"]


def test_flush_does_not_touch_other_runtimes(runtime, tmp_path):
    config = scopeflow.AtofExporterConfig()
    config.output_directory, config.filename = tmp_path, "other.jsonl"
    other = scopeflow.AtofExporter(config, runtime=runtime)
    other.register("file")
    assert other not in scopeflow.atof.registered_exporters(scopeflow.default_runtime)
    assert scopeflow.atof.registered_exporters(runtime) == [other]
    other.shutdown()
    assert scopeflow.atof.registered_exporters(runtime) == []


# --- The flat names ---


def test_flat_scopes_and_calls():
    handle = _native.push_scope("a", ScopeType.Agent)
    assert _native.get_handle() is handle
    _native.event("mark", data=1)
    call = _native.tool_call("t", {})
    _native.tool_call_end(call, {})
    _native.pop_scope(handle, {"out": 1})
    assert not handle.is_open
    assert asyncio.run(_native.tool_call_execute("t", {}, lambda args: 7)) == 7
    assert _native.tool_request_intercepts("t", {"a": 1}) == {"a": 1}
    assert _native.scope_stack_active() is False
    _native.sync_thread_scope_stack(_native.create_scope_stack())
    assert _native.scope_stack_active() is True
    scopeflow._scope_stack_var.set(None)


def test_flat_registrations():
    seen = []
    _native.register_subscriber("flat", seen.append)
    with pytest.raises(RuntimeError, match="already exists"):
        _native.register_subscriber("flat", seen.append)
    handle = _native.push_scope("a", ScopeType.Agent)
    _native.scope_register_subscriber(handle.uuid, "local", seen.append)
    _native.event("mark")
    assert [event.name for event in seen] == ["a", "mark", "mark"]
    assert _native.scope_deregister_subscriber(handle.uuid, "local") is True
    with pytest.raises(scopeflow.NotFound, match="not found: scope"):
        _native.scope_register_subscriber("nobody", "local", seen.append)
    _native.pop_scope(handle)
    assert _native.deregister_subscriber("flat") is True


@pytest.mark.parametrize("name", ["nonsense", "register_nonsense", "__path__"])
def test_what_nobody_has(name):
    with pytest.raises(AttributeError, match=name):
        getattr(_native, name)
