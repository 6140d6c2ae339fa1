"""What stands before an operation passes on what it is given: all of it, under the right name."""

from __future__ import annotations

import asyncio
import inspect
import io
import threading

import pytest

import scopeflow
from scopeflow import (
    LLMRequest,
    MetricKind,
    MetricMeasurement,
    MetricValueType,
    ScopeType,
    _native,
    atof,
    event_metadata,
    guardrails,
    intercepts,
    llm,
    metrics,
    runtime_registrations,
    scope,
    scope_local,
    subscribers,
    testing,
    tools,
    typed,
)

DEFAULT = scopeflow.default_runtime
TOOL_OPTIONS = ("handle", "attributes", "data", "metadata", "tool_call_id", "timestamp")
LLM_OPTIONS = ("handle", "attributes", "data", "metadata", "model_name", "codec", "response_codec")


# --- Names of operations of the default runtime ---

ALIASES = {
    tools: {
        "execute": "tool_execute",
        "execute_sync": "tool_execute_sync",
        "call": "tool_call",
        "call_end": "tool_call_end",
        "request_intercepts_async": "tool_request_intercepts",
        "request_intercepts_sync": "tool_request_intercepts_sync",
        "conditional_execution_async": "tool_conditional_execution",
        "conditional_execution_sync": "tool_conditional_execution_sync",
    },
    llm: {
        "execute": "llm_execute",
        "execute_sync": "llm_execute_sync",
        "stream_execute": "llm_stream_execute",
        "stream_execute_sync": "llm_stream_execute_sync",
        "call": "llm_call",
        "call_end": "llm_call_end",
        "request_intercepts_async": "llm_request_intercepts",
        "request_intercepts_sync": "llm_request_intercepts_sync",
        "conditional_execution_async": "llm_conditional_execution",
        "conditional_execution_sync": "llm_conditional_execution_sync",
    },
    scope: {
        "push": "scope_push",
        "pop": "scope_pop",
        "event": "scope_event",
        "scope": "scope",
        "get_handle": "get_handle",
    },
    subscribers: {"register": "register_subscriber", "deregister": "deregister_subscriber"},
    event_metadata: {
        "register_injector": "register_event_metadata_injector",
        "deregister_injector": "deregister_event_metadata_injector",
    },
    scopeflow: {
        "get_handle": "get_handle",
        "get_scope_stack": "get_scope_stack",
        "set_thread_scope_stack": "set_scope_stack",
        "stats": "stats",
    },
}
REGISTRIES = {
    guardrails: ("", "_guardrail"),
    intercepts: ("", "_intercept"),
    runtime_registrations: ("", ""),
}


def operation_of(module, name):
    """The operation that a `register_…` of a module is; a scope's may be of any kind."""
    if module is not scope_local:
        prefix, suffix = REGISTRIES[module]
        return f"{prefix}{name}{suffix}"
    suffix = "_intercept" if name.endswith(("_request", "_execution")) else "_guardrail"
    if "sanitize" in name or "conditional" in name:
        suffix = "_guardrail"
    operation, _, kind = name.partition("register_")
    is_whole = kind in ("subscriber", "event_metadata_injector") or "middleware" in kind
    return f"scope_{operation}register_{kind}{'' if is_whole else suffix}"


@pytest.mark.parametrize("module", ALIASES, ids=lambda module: module.__name__)
def test_functions_are_operations_of_the_default_runtime(module):
    for name, operation in ALIASES[module].items():
        assert getattr(module, name) == getattr(DEFAULT, operation), name


@pytest.mark.parametrize("module", [*REGISTRIES, scope_local], ids=lambda module: module.__name__)
def test_registrations_are_those_of_the_default_runtime(module):
    names = [name for name in module.__all__ if "register_" in name]
    assert len(names) >= 2
    for name in names:
        assert getattr(module, name) == getattr(DEFAULT, operation_of(module, name)), name
        counterpart = name.removeprefix("de") if name.startswith("de") else f"de{name}"
        assert counterpart in names


def test_the_flat_names_are_those_of_the_modules():
    modules = {"tool": tools, "llm": llm}
    for kind, module in modules.items():
        assert getattr(_native, f"{kind}_call") == module.call
        assert getattr(_native, f"{kind}_call_end") == module.call_end
        assert getattr(_native, f"{kind}_call_execute") == module.execute
        assert getattr(_native, f"{kind}_conditional_execution") is module.conditional_execution
        assert getattr(_native, f"{kind}_request_intercepts") is module.request_intercepts
    assert _native.llm_stream_call_execute == llm.stream_execute
    assert _native.push_scope == scope.push
    assert _native.event == scope.event
    assert _native.get_handle == scope.get_handle
    for name in (
        "capture_propagation_context",
        "capture_propagation_context_with_root",
        "capture_rootless_propagation_context",
        "capture_traceparent",
        "create_scope_stack",
        "create_scope_stack_from_propagation",
        "scope_stack_active",
        "set_thread_scope_stack",
    ):
        assert getattr(_native, name) == getattr(scopeflow, name), name
    assert _native.sync_thread_scope_stack == scopeflow.set_thread_scope_stack
    assert _native.AnnotatedLLMRequest is scopeflow.AnnotatedLLMRequest
    assert _native.AnnotatedLLMResponse is scopeflow.AnnotatedLLMResponse
    assert _native.register_subscriber == DEFAULT.register_subscriber
    assert _native.deregister_subscriber == DEFAULT.deregister_subscriber


def test_a_flat_pop_says_all_that_it_is_told():
    with testing.capture() as events:
        handle = _native.push_scope("s", ScopeType.Agent)
        _native.pop_scope(handle, {"out": 1}, {"meta": 2}, error=ValueError("x"))
    end = events.find("s", phase="end")
    assert end.metadata["meta"] == 2
    assert end.metadata["exception.type"] == "ValueError"
    with testing.capture() as events:
        _native.pop_scope(_native.push_scope("s", ScopeType.Agent), {"out": 1})
    assert events.find("s", phase="end").data == {"out": 1}


# --- Typed calls ---


class Recorded(Exception):
    """Raised in the place of a call, with what it was given."""


@pytest.fixture
def recorded(monkeypatch):
    """Puts a recorder in the place of an operation that `typed` calls."""

    def put(module, name):
        def record(*args, **named):
            raise Recorded(args, named)

        monkeypatch.setattr(getattr(typed, module), name, record)

    return put


@pytest.mark.parametrize(
    ("function", "module", "name", "between"),
    [
        ("tool_execute", "tools", "execute", 2),
        ("tool_execute_sync", "tools", "execute_sync", 2),
        ("llm_execute", "llm", "execute", 1),
        ("llm_execute_sync", "llm", "execute_sync", 1),
        ("llm_stream_execute", "llm", "stream_execute", 4),
        ("llm_stream_execute_sync", "llm", "stream_execute_sync", 4),
    ],
)
def test_typed_calls_pass_all_options_on(recorded, function, module, name, between):
    recorded(module, name)
    names = TOOL_OPTIONS if module == "tools" else (*LLM_OPTIONS, "timestamp")
    options = {option: object() for option in names}
    codec = typed.JsonPassthrough()
    middle = [codec] * between if between < 4 else [None, None, codec, codec]
    with pytest.raises(Recorded) as caught:
        made = getattr(typed, function)("work", 7, print, *middle, **options)
        made.send(None)
    (label, request, call, *hooks), named = caught.value.args
    assert (label, request) == ("work", 7)
    assert callable(call)
    assert hooks == ([None, None] if between == 4 else [])
    assert named == options
    defaults = inspect.signature(getattr(typed, function)).parameters
    assert all(defaults[option].default is None for option in names)


# --- Helpers ---


@pytest.mark.parametrize("module", [tools, llm])
def test_helpers_await_where_something_waits(module):
    async def wait(*given):
        await asyncio.sleep(0)
        return given[1] if len(given) > 1 else None

    async def pass_by(*given):
        await asyncio.sleep(0)

    request = {"a": 1} if module is tools else LLMRequest({}, {"a": 1})
    kind = module.__name__.rpartition(".")[2].removesuffix("s")
    asked = ("work", request) if module is tools else (request,)

    async def main():
        assert await module.request_intercepts("work", request) == request
        assert await module.conditional_execution(*asked) is None

    with (
        getattr(intercepts, f"{kind}_request")("i", 1, False, wait),
        getattr(guardrails, f"{kind}_conditional_execution")("g", 1, pass_by),
    ):
        asyncio.run(main())
    assert module.request_intercepts("work", request) == request
    assert module.conditional_execution(*asked) is None


def test_a_models_guard_is_told_the_name():
    seen = []

    def guard(request, *, context):
        seen.append(context.target)

    with guardrails.llm_conditional_execution("g", 1, guard):
        llm.conditional_execution(LLMRequest({}, {}), name="provider")
        llm.conditional_execution(LLMRequest({}, {}))
    assert seen == ["provider", ""]


# --- Measurements ---


def test_a_metric_says_all_that_it_is_told():
    measured = MetricMeasurement("m", MetricKind.Counter, MetricValueType.U64, 1)
    other = scope.push("other", ScopeType.Agent)
    with scope.scope("current", ScopeType.Agent), testing.capture() as events:
        metrics.metric("told", [measured], handle=other, metadata={"k": 1}, timestamp=5_000)
        metrics.metric("untold", [measured])
    other.close()
    told, untold = events
    assert told.parent_uuid == other.uuid != untold.parent_uuid
    assert told.timestamp_ns == 5_000
    assert told.metadata == {"k": 1}
    assert untold.metadata is None
    assert told.data == untold.data == {"measurements": [measured.to_dict()]}
    assert told.data_schema == {"name": "nemo.relay.metric_measurements", "version": "1"}


# --- Defaults ---


def test_the_defaults_of_an_exporter():
    config = scopeflow.AtofExporterConfig()
    assert vars(config) == {
        "output_directory": config.output_directory,
        "filename": config.filename,
        "mode": scopeflow.AtofExporterMode.Append,
        "delivery": scopeflow.SinkDelivery.Queued,
        "overflow": scopeflow.SinkOverflow.Block,
        "queue_limit_bytes": 8_388_608,
        "queue_event_limit": 65_536,
        "spill_limit_bytes": 1_073_741_824,
        "delay_ns": 10_000_000,
        "exit_timeout_ns": 2_000_000_000,
        "file_limit_bytes": 0,
        "kept_file_count": 5,
    }


def test_an_exporter_passes_its_settings_on(tmp_path):
    class Opened(Exception):
        pass

    class Runtime:
        def atof_sink_open(self, *args, **named):
            raise Opened(args, named)

    config = scopeflow.AtofExporterConfig()
    config.output_directory, config.filename = tmp_path, "file"
    for number, name in enumerate(vars(config)):
        if name not in ("output_directory", "filename"):
            setattr(config, name, number)
    with pytest.raises(Opened) as caught:
        scopeflow.AtofExporter(config, runtime=Runtime())
    (path, mode), named = caught.value.args
    assert (path, mode) == (str(tmp_path / "file"), config.mode)
    assert named == {
        "delivery": config.delivery,
        "overflow": config.overflow,
        "queue_limit": config.queue_limit_bytes,
        "queue_event_limit": config.queue_event_limit,
        "spill_limit": config.spill_limit_bytes,
        "delay": config.delay_ns,
        "exit_timeout": config.exit_timeout_ns,
        "file_limit": config.file_limit_bytes,
        "kept_file_count": config.kept_file_count,
    }


def test_a_flush_waits_as_long_as_it_is_told(monkeypatch):
    class Exporter:
        def force_flush(self, timeout_s):
            asked.append(timeout_s)

    asked = []
    monkeypatch.setattr(atof, "registered_exporters", lambda runtime: [Exporter(), Exporter()])
    subscribers.flush()
    subscribers.flush(1.5)
    asyncio.run(subscribers.flush_async())
    asyncio.run(subscribers.flush_async(2.5))
    assert asked == [30.0, 30.0, 1.5, 1.5, 30.0, 30.0, 2.5, 2.5]
    assert inspect.signature(atof.AtofExporter.force_flush).parameters["timeout_s"].default == 30.0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_async_flush_waits_in_another_thread(monkeypatch, backend):
    loop = pytest.importorskip(backend, reason="its loop needs trio")

    class Exporter:
        def force_flush(self, timeout_s):
            threads.append(threading.current_thread())

    threads = []
    monkeypatch.setattr(atof, "registered_exporters", lambda runtime: [Exporter()])
    if backend == "trio":
        loop.run(subscribers.flush_async)
    else:
        loop.run(subscribers.flush_async())
    assert threads[0] is not threading.main_thread()


def test_a_console_is_called_console():
    with subscribers.console(file=io.StringIO()):
        assert subscribers.deregister("console") is True
    with subscribers.console(file=io.StringIO(), name="mine"):
        assert subscribers.deregister("mine") is True
