"""The pytest plugin, and the plain API behind it."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

import scopeflow
from scopeflow import (
    AlreadyExists,
    InvalidState,
    LLMRequest,
    ScopeType,
    guardrails,
    llm,
    scope,
    subscribers,
    testing,
    tools,
)

pytest_plugins = ["pytester"]
PLUGIN = ("-p", "scopeflow._pytest_plugin", "-p", "no:cacheprovider")


@scopeflow.tool
def search(query):
    scope.event("looking", data={"query": query})
    return [query]


def work():
    with scope.scope("planner", ScopeType.Agent, input={"goal": "g"}):
        search("x")
        with pytest.raises(LookupError):
            tools.execute_sync("broken", {}, fail)


def fail(args):
    raise LookupError("nothing there")


# --- The plain API ---


def test_captured_events():
    with testing.isolated(), testing.capture() as events:
        work()
    assert events.names() == [
        "start planner",
        "start search",
        "mark looking",
        "end search",
        "start broken",
        "end broken",
        "end planner",
    ]
    assert len(events) == len(list(events)) == 7
    assert events[0].name == "planner" and events[-1].name == "planner"
    assert repr(events) == "<7 captured events>"
    assert events.find("search", phase="end").data == ["x"]
    assert events.find("looking").data == {"query": "x"}
    assert [e.name for e in events.find_all(category="tool", phase="start")] == ["search", "broken"]
    start = events.find("planner", phase="start")
    assert [e.name for e in events.children(start)] == ["search", "broken"]
    assert events.children(events.find("planner", phase="end")) == events.children(start)
    assert len(events.to_jsonl().splitlines()) == 7
    events.clear()
    assert events.names() == [] and events.tree() == "" and events.to_jsonl() == ""


def test_what_is_not_found_says_what_there_is():
    with testing.isolated(), testing.capture() as events:
        search("x")
    with pytest.raises(AssertionError, match="0 events are 'end nothing', not one, among: start s"):
        events.find("nothing", phase="end")
    with pytest.raises(AssertionError, match="2 events are 'search', not one"):
        events.find("search")
    with pytest.raises(ValueError, match="phase must be 'start', 'end' or 'mark', not 'begin'"):
        events.find_all(phase="begin")


def test_the_tree_is_what_the_command_shows():
    with testing.isolated(), testing.capture() as events:
        work()
    lines = events.tree().splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "agent planner",
        "├─ tool search",
        "│",
        "└─ tool broken",
    ]
    assert lines[2].split() == ["│", "└─", "◆", "looking", "+1.0", "ms", '{"query":', '"x"}']
    assert lines[3].endswith("ERROR: LookupError: nothing there")


def test_the_tree_has_the_tokens_of_models():
    def answer(request):
        return {"usage": {"prompt_tokens": 12, "completion_tokens": 3}}

    with testing.isolated(), testing.capture() as events:
        llm.execute_sync("m", LLMRequest({}, {}), answer)
    assert events.tree().endswith("OK  12 + 3 tokens")


def test_two_runs_are_the_same_bytes():
    runs = []
    for _ in range(2):
        with testing.isolated(), testing.capture() as events:
            work()
        runs.append(events.to_jsonl())
    assert runs[0] == runs[1]
    assert '"timestamp":"2026-01-01T00:00:00.000000000Z"' in runs[0].splitlines()[0]
    with testing.isolated(clock_start=5, clock_step=7), testing.capture() as events:
        with scope.scope("s", ScopeType.Agent):
            pass
    assert events[1].timestamp_ns - events[0].timestamp_ns == 7
    with testing.isolated(clock_start=5, clock_step=7_000), testing.capture() as events:
        scope.event("a")
        scope.event("b")
    assert events[1].timestamp_ns - events[0].timestamp_ns == 7_000


def test_capturing_on_the_default_runtime_ends():
    with testing.capture() as events:
        scope.event("inside")
        with pytest.raises(AlreadyExists):
            with testing.capture():
                raise AssertionError("it must not get here")
        with testing.capture(name="other") as others:
            scope.event("both")
    scope.event("outside")
    assert events.names() == ["mark inside", "mark both"]
    assert others.names() == ["mark both"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_isolation_ends_with_any_error(error):
    before = scopeflow.default_runtime
    with pytest.raises(error):
        with testing.isolated():
            raise error
    assert scopeflow.default_runtime is before
    assert tools.execute.__self__ is before


def test_registrations_do_not_cross():
    def refuse(name, args):
        return "no"

    with guardrails.tool_conditional_execution("outer", 1, refuse):
        with testing.isolated() as runtime:
            assert search("x") == ["x"]
            guardrails.register_tool_conditional_execution("inner", 1, refuse)
            with guardrails.tool_conditional_execution("scoped", 1, refuse):
                with pytest.raises(scopeflow.GuardrailRejected):
                    search("x")
            assert runtime.deregister_tool_conditional_execution_guardrail("inner") is True
            assert guardrails.deregister_tool_conditional_execution("scoped") is False
            with scopeflow.scope.scope("open", ScopeType.Agent) as handle:
                assert scope.get_handle() is runtime.get_handle() is handle
    assert guardrails.deregister_tool_conditional_execution("inner") is False
    assert search("x") == ["x"]


def test_the_runtime_is_closed_at_the_end():
    with testing.isolated() as runtime, testing.capture(runtime) as events:
        handle = scope.push("left open", ScopeType.Agent)
        runtime.close()
    assert not handle.is_open
    assert events.find("left open", phase="end").metadata["error.type"] == "abandoned"
    with testing.isolated() as runtime:
        pass
    with pytest.raises(InvalidState):
        runtime.scope_push("s", ScopeType.Agent)


def test_scope_stacks_are_those_of_the_test():
    stack = scopeflow.create_scope_stack()
    with testing.isolated() as runtime:
        assert not scopeflow.scope_stack_active()
        with scope.scope("s", ScopeType.Agent):
            assert scopeflow.scope_stack_active()
        with scopeflow.use_scope_stack(scopeflow.create_scope_stack()) as current:
            assert runtime.get_scope_stack() is current is not stack
    assert not scopeflow.scope_stack_active()


def test_what_a_module_has_imported_is_replaced_too():
    module = types.ModuleType("scopeflow_user")
    module.runtime = scopeflow.default_runtime
    module.execute = tools.execute_sync
    module.register = subscribers.register
    module.other = [tools.execute_sync]
    sys.modules["scopeflow_user"] = module
    sys.modules["scopeflow_odd"] = types.SimpleNamespace(execute=3)
    sys.modules["scopeflow_none"] = None
    try:
        with testing.isolated() as runtime:
            assert module.runtime is runtime
            assert module.execute.__self__ is module.register.__self__ is runtime
            assert module.execute.__name__ == "tool_execute_sync"
            assert module.other[0].__self__ is not runtime
    finally:
        for name in ("user", "odd", "none"):
            del sys.modules[f"scopeflow_{name}"]
    assert module.runtime is scopeflow.default_runtime
    assert module.execute.__self__ is scopeflow.default_runtime


def test_a_module_that_is_loaded_inside_is_of_the_default_runtime_afterwards(tmp_path, monkeypatch):
    (tmp_path / "scopeflow_late.py").write_text(
        "from scopeflow import default_runtime as runtime\nfrom scopeflow.tools import execute\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with testing.isolated() as runtime:
        import scopeflow_late

        assert scopeflow_late.runtime is scopeflow_late.execute.__self__ is runtime
    assert scopeflow_late.runtime is scopeflow.default_runtime is not runtime
    assert scopeflow_late.execute.__self__ is scopeflow.default_runtime
    del sys.modules["scopeflow_late"]


def test_exporters_write_what_the_test_emits(tmp_path):
    config = scopeflow.AtofExporterConfig()
    config.output_directory = tmp_path
    with testing.isolated():
        exporter = scopeflow.AtofExporter(config)
        exporter.register("file")
        scope.event("m")
        exporter.shutdown()
    assert '"name":"m"' in Path(exporter.path).read_text("utf-8")


def test_a_deterministic_runtime_takes_options():
    runtime = testing.deterministic_runtime(payload_budget=64)
    with testing.capture(runtime) as events:
        runtime.scope_event("m", data={"text": "x" * 1_000})
    assert len(events[0].to_json()) < 600


# --- The plugin ---

PROGRAM = """
import pytest
import scopeflow
from scopeflow import ScopeType, scope, tools

def test_one(scopeflow_events, scopeflow_runtime):
    assert scopeflow.default_runtime is scopeflow_runtime
    with scope.scope("a", ScopeType.Agent):
        tools.execute_sync("t", {"q": 1}, len)
    assert scopeflow_events.names() == ["start a", "start t", "end t", "end a"]
    with open("events.jsonl", "a") as file:
        file.write(scopeflow_events.to_jsonl())

def test_two(scopeflow_events):
    assert scopeflow_events.names() == []

@pytest.mark.scopeflow(clock_start=0, clock_step=2_000)
def test_clock(scopeflow_events):
    scope.event("a")
    scope.event("b")
    assert scopeflow_events[1].timestamp_ns - scopeflow_events[0].timestamp_ns == 2_000

def test_without():
    assert scope.event.__self__ is scopeflow.default_runtime
"""


def test_the_plugin_gives_the_same_bytes_in_two_runs(pytester):
    pytester.makepyfile(PROGRAM)
    written = []
    for _ in range(2):
        result = pytester.runpytest_subprocess(*PLUGIN, "--strict-markers")
        result.assert_outcomes(passed=4)
        written.append((pytester.path / "events.jsonl").read_bytes())
        (pytester.path / "events.jsonl").unlink()
    assert written[0] == written[1]
    assert written[0].count(b"\n") == 4


def test_the_plugin_in_this_process(pytester):
    pytester.makepyfile(PROGRAM)
    pytester.runpytest_inprocess(*PLUGIN, "--strict-markers").assert_outcomes(passed=4)
    pytester.runpytest_inprocess(*PLUGIN, "--markers").stdout.fnmatch_lines(["*scopeflow(clock_*"])


def test_a_failing_test_leaves_the_default_runtime(pytester):
    pytester.makepyfile(
        """
        import scopeflow

        def test_fails(scopeflow_events):
            raise ValueError

        def test_after():
            assert scopeflow.tools.execute.__self__ is scopeflow.default_runtime
            scopeflow.scope.event("m")
        """
    )
    pytester.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=1, failed=1)
