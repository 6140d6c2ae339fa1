"""Every registry: what it is called, how to register with it, and a call that uses it."""

from __future__ import annotations

from scopeflow import (
    LLMRequest,
)

# Registry -> what it is called in texts.
GUARDS = {
    "tool_conditional_execution_guardrail": "tool conditional-execution guardrail",
    "llm_conditional_execution_guardrail": "LLM conditional-execution guardrail",
}
REQUEST_INTERCEPTS = {
    "tool_request_intercept": "tool request intercept",
    "llm_request_intercept": "LLM request intercept",
}
SANITIZERS = {
    "tool_sanitize_request_guardrail": "tool sanitize-request guardrail",
    "tool_sanitize_response_guardrail": "tool sanitize-response guardrail",
    "llm_sanitize_request_guardrail": "LLM sanitize-request guardrail",
    "llm_sanitize_response_guardrail": "LLM sanitize-response guardrail",
    "mark_sanitize_guardrail": "mark sanitizer",
    "scope_sanitize_start_guardrail": "scope-start sanitizer",
    "scope_sanitize_end_guardrail": "scope-end sanitizer",
}
OBSERVERS = {
    "event_metadata_injector": "metadata injector",
    "subscriber": "subscriber",
    "conditional_middleware_guardrail": "conditional-middleware gate",
}
EXECUTION_INTERCEPTS = {
    "tool_execution_intercept": "tool execution intercept",
    "llm_execution_intercept": "LLM execution intercept",
    "llm_stream_execution_intercept": "LLM stream execution intercept",
}
# Those whose error comes out of the call; that of the others is logged.
FOR_THE_CALL = {**GUARDS, **REQUEST_INTERCEPTS, **EXECUTION_INTERCEPTS}
FOR_OBSERVERS = {**SANITIZERS, **OBSERVERS}
REGISTRIES = {**FOR_THE_CALL, **FOR_OBSERVERS}


def register(runtime, registry, fn, name="mine"):
    operation = getattr(runtime, f"register_{registry}")
    if registry == "subscriber":
        operation(name, fn)
    elif registry.endswith("request_intercept"):
        operation(name, 1, False, fn)
    elif registry == "conditional_middleware_guardrail":
        gated = ["tool_conditional_execution_guardrail"]
        runtime.register_tool_conditional_execution_guardrail("gated", 1, lambda *given: None)
        operation(name, gated, "gated", fn)
    else:
        operation(name, 1, fn)


def call(runtime, registry):
    """A call that uses the registry."""

    def target(request):
        runtime.scope_event("inside", data={"mark": 1})
        return {"answer": 1}

    if "stream" in registry:
        request = LLMRequest({}, {"q": 1})
        with runtime.llm_stream_execute_sync("work", request, lambda request: iter("ab")) as stream:
            return list(stream)
    if registry.startswith("llm"):
        return runtime.llm_execute_sync("work", LLMRequest({}, {"q": 1}), target)
    return runtime.tool_execute_sync("work", {"q": 1}, target)


async def call_async(runtime, registry):
    async def target(request):
        runtime.scope_event("inside", data={"mark": 1})
        return {"answer": 1}

    async def produce(request):
        for chunk in "ab":
            yield chunk

    if "stream" in registry:
        opening = runtime.llm_stream_execute("work", LLMRequest({}, {"q": 1}), produce)
        async with await opening as stream:
            return [chunk async for chunk in stream]
    if registry.startswith("llm"):
        return await runtime.llm_execute("work", LLMRequest({}, {"q": 1}), target)
    return await runtime.tool_execute("work", {"q": 1}, target)


def drive(waiting):
    """What a coroutine comes to that waits for nothing."""
    try:
        waiting.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


def answer_of(registry):
    return ["a", "b"] if "stream" in registry else {"answer": 1}


def failed_by_mine(log):
    """The events whose payload was withheld because of the registration."""
    return [e for e in log.events if (e.metadata or {}).get("sanitize.failed") == "mine"]


def check_pairs(log):
    """S4.3."""
    scopes = [(event.uuid, event.scope_category) for event in log.events if event.kind == "scope"]
    assert sorted(set(scopes)) == sorted(scopes)
    assert {uuid for uuid, _ in scopes} == {uuid for uuid, which in scopes if which == "end"}
