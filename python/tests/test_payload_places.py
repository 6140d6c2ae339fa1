"""Every kind of value of S2.6, hostile ones among them, at every place that takes a payload.

Nothing is raised, the very object goes through, and events have its JSON form, whether middleware
copies it or not.
"""

from __future__ import annotations

import json

import pytest
from test_payloads import (
    ROWS,
    EndlessModel,
    Half,
    Nameless,
    Raising,
    RaisingKey,
    RaisingLength,
    RaisingMapping,
    RaisingModel,
    encode,
    nested,
)

from scopeflow import EndStatus, LLMRequest, ScopeType

VALUES = {f"{row} {i}": case[0] for row, cases in ROWS.items() for i, case in enumerate(cases)}
VALUES |= {
    "too deep": nested(10_000),
    "too large": ["x" * 2_000_000, 1],
    "raising model": RaisingModel(),
    "raising mapping": RaisingMapping({"a": 1}),
    "raising field": Half(),
    "raising attribute": Raising(),
    "raising key": {RaisingKey(): 1},
    "raising length": RaisingLength([1]),
    "nameless type": Nameless(),
    "endless model": EndlessModel(),
}


@pytest.fixture(params=VALUES)
def value(request):
    return VALUES[request.param]


@pytest.fixture(params=["without middleware", "with middleware"])
def is_copied(request, runtime):
    """Whether a sanitizer and an event sanitizer see copies of each payload (S3.10)."""
    if request.param == "without middleware":
        return False
    same = {"tool_sanitize_request": 1, "tool_sanitize_response": 1, "llm_sanitize_response": 0}
    same |= {"mark_sanitize": 1, "scope_sanitize_start": 1, "scope_sanitize_end": 1}
    for name, index in {**same, "llm_sanitize_request": 0}.items():
        register = getattr(runtime, f"register_{name}_guardrail")
        register("same", 1, lambda *given, index=index: given[index])
    return True


def check(log, name, category, is_copied, value):
    """The event is well-formed and has the value; what no sanitizer can give back is withheld."""
    event = log.named(name, category)
    assert json.loads(event.to_json())["name"] == name
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    if "sanitize.failed" in metadata:
        assert is_copied
        assert event.data is None
    else:
        assert_shown(event.data, value)


def assert_shown(data, value):
    expected = encode(value)
    if is_cut(expected):
        assert type(data) is type(expected)  # Where it is cut depends on what stands around it.
    else:
        assert data == expected


def is_cut(data):
    text = json.dumps(data)
    return '"$depth"' in text or '"$truncated"' in text


def test_as_arguments_and_result_of_a_tool(runtime, log, is_copied, value):
    given = []

    def target(args):
        given.append(args)
        return args

    assert runtime.tool_execute_sync("work", value, target) is value
    assert given[0] is value
    for category in ("start", "end"):
        check(log, "work", category, is_copied, value)


def test_through_an_intercept_of_a_tool(runtime, log, value):
    """What goes on is a copy of containers with the very leaves in it."""
    runtime.register_tool_request_intercept("same", 1, False, lambda name, args: args)
    runtime.register_tool_execution_intercept("next", 1, lambda name, args, next: next(args))
    is_json = value is None or isinstance(value, (str, int, float, bool, dict, list, tuple))
    try:
        result = runtime.tool_execute_sync("work", value, lambda args: args)
    except Exception as error:
        assert "tool request intercept 'same' returned no JSON value" in str(error)
        assert not is_json
        return
    assert encode(result) == encode(value)
    assert type(result) is type(value)


def test_as_content_headers_and_response_of_an_llm(runtime, log, is_copied, value):
    request = LLMRequest({"x": value}, value)
    assert runtime.llm_execute_sync("work", request, lambda request: value) is value
    content = {"content": value, "headers": {"x": value}}
    check(log, "work", "start", is_copied, content)
    check(log, "work", "end", is_copied, value)


def test_as_chunks_of_a_stream(runtime, log, is_copied, value):
    collected = []
    with runtime.llm_stream_execute_sync(
        "work",
        LLMRequest({}, {}),
        lambda request: iter([value, value]),
        collected.append,
        lambda: value,
        chunk_marks=True,
    ) as stream:
        chunks = list(stream)
    assert all(chunk is value for chunk in [*chunks, *collected])
    assert len(chunks) == len(collected) == 2
    check(log, "work", "end", is_copied, value)


def test_as_whatever_a_scope_takes(runtime, log, is_copied, value):
    with runtime.scope("work", ScopeType.Agent, input=value, data=value, metadata=value) as handle:
        assert handle.data is value
        handle.output = value
        runtime.scope_event("mark", data=value, metadata={"own": value}, data_schema={"own": value})
    for category in ("start", "end"):
        check(log, "work", category, is_copied, value)
    check(log, "mark", None, is_copied, value)


def test_as_whatever_ends_a_manual_call(runtime, log, is_copied, value):
    handle = runtime.tool_call("work", value, metadata=value, data=value)
    runtime.tool_call_end(handle, value, metadata=value, status=EndStatus.Ok)
    runtime.scope_pop(runtime.scope_push("scope", ScopeType.Agent), output=value, metadata=value)
    for name in ("work", "scope"):
        check(log, name, "end", is_copied, value)


def test_as_what_an_injector_and_a_sanitizer_give(runtime, log, value):
    runtime.register_event_metadata_injector("i", 1, lambda event: {"injected": value})
    runtime.register_mark_sanitize_guardrail(
        "s", 1, lambda event, fields: {**fields, "data": value}
    )
    runtime.scope_event("mark", data=1, metadata={"own": 1})
    event = log.named("mark")
    assert json.loads(event.to_json())["name"] == "mark"
    if event.data is not None:
        assert_shown(event.data, value)
