"""Importing scopeflow is light, starts nothing, and finds what it was generated for."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import scopeflow
from scopeflow import _native, tools

HEAVY = ("asyncio", "inspect", "dataclasses", "logging", "typing", "enum", "json", "datetime", "re")


def modules_after(statement):
    """What a bare interpreter has loaded after the statement."""
    program = f"{statement}\nimport sys, threading\nprint(threading.active_count(), *sys.modules)"
    flags = ["-I", "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{program}"]
    done = subprocess.run([sys.executable, *flags], capture_output=True, text=True, check=True)
    threads, *names = done.stdout.split()
    assert threads == "1"
    return set(names)


def test_importing_loads_no_heavy_module():
    added = modules_after("import scopeflow") - modules_after("pass")
    assert added & set(HEAVY) == set()
    assert len(added) < 20, sorted(added)


def test_using_it_without_looking_loads_none_either():
    added = modules_after(
        "from scopeflow import ScopeType, scope, subscribers, tools, guardrails\n"
        "subscribers.register('s', lambda event: (event.name, event.to_json()))\n"
        "guardrails.register_tool_conditional_execution('g', 1, lambda name, args: None)\n"
        "with scope.scope('a', ScopeType.Agent, input={'a': [1, None]}):\n"
        "    tools.execute_sync('t', {'q': 1}, str)\n"
    ) - modules_after("pass")
    assert added & set(HEAVY) == set()


def test_logging_is_loaded_when_it_is_asked_for():
    assert "logging" in modules_after("import scopeflow; scopeflow.logging_handler()")
    statement = "import scopeflow; scopeflow.subscribers.logging; scopeflow.read_atof"
    assert "logging" not in modules_after(statement)


def test_the_version_is_the_cores():
    assert scopeflow.__version__ == _native.__version__
    assert scopeflow.__version__.count(".") == 2


def test_everything_public_is_there():
    for name in scopeflow.__all__:
        assert hasattr(scopeflow, name), name
    for module in (scopeflow.scope, tools, scopeflow.guardrails, scopeflow.subscribers):
        for name in module.__all__:
            function = getattr(module, name)
            assert callable(function) and function.__doc__, f"{module.__name__}.{name}"


def test_functions_tell_their_signature():
    assert str(inspect.signature(tools.execute)) == (
        "(name, args, func, *, handle=None, attributes=None, data=None, metadata=None, "
        "tool_call_id=None, timestamp=None)"
    )
    assert list(inspect.signature(scopeflow.scope.push).parameters)[:2] == ["name", "scope_type"]
    assert "InvalidArgument" in scopeflow.scope.push.__doc__


LATE_MODULES = [
    "atof", "codecs", "context", "errors", "event_metadata", "guardrails", "intercepts", "llm",
    "metrics", "runtime_registrations", "scope", "scope_local", "settings", "subscribers",
    "testing", "tools", "typed", "utils",
]  # fmt: skip
PEERS_ALIASES = {
    scopeflow: ["DataSchema", "EventMetadata", "EventMetadataInjectorCallback",
                "EventMetadataScalar", "EventMetadataValue", "EventSanitizeFields",
                "EventSanitizeGuardrail", "Json", "JsonObject", "JsonPrimitive", "JsonValue",
                "UnsupportedBehavior"],
    scopeflow.guardrails: ["LlmConditionalExecutionGuardrail", "LlmSanitizeRequestGuardrail",
                           "LlmSanitizeResponseGuardrail", "ToolConditionalExecutionGuardrail",
                           "ToolSanitizeGuardrail"],
    scopeflow.intercepts: ["LlmExecutionIntercept", "LlmRequestIntercept",
                           "LlmStreamExecutionIntercept", "ToolExecutionIntercept",
                           "ToolRequestIntercept"],
}  # fmt: skip


def test_what_is_loaded_when_it_is_asked_for_is_listed():
    for name in [*LATE_MODULES, *scopeflow.__all__]:
        assert name in dir(scopeflow), name
    for name in LATE_MODULES:
        assert getattr(scopeflow, name) is sys.modules[f"scopeflow.{name}"]
    assert dir(scopeflow) == sorted(set(dir(scopeflow)))


def test_a_fresh_interpreter_finds_all_that_is_listed():
    """Nothing else has loaded a module for it."""
    named = [*LATE_MODULES, *scopeflow.__all__]
    for module, aliases in PEERS_ALIASES.items():
        named += [f"{module.__name__}.{name}".removeprefix("scopeflow.") for name in aliases]
    program = (
        "import operator, scopeflow\n"
        f"assert set({LATE_MODULES!r}) <= set(dir(scopeflow))\n"
        f"for name in {named!r}: operator.attrgetter(name)(scopeflow)"
    )
    modules_after(program)


def test_the_peers_names_of_classes():
    assert scopeflow.ToolHandle is scopeflow.LLMHandle is scopeflow.ScopeHandle
    assert scopeflow.ToolExecutionInterceptOutcome is scopeflow.InterceptOutcome
    assert scopeflow._scope_stack_var is scopeflow.default_runtime.scope_stack_variable


def test_shapes_of_callbacks_stand_where_the_peers_have_them():
    for module, names in PEERS_ALIASES.items():
        for name in names:
            assert getattr(module, name) is getattr(scopeflow, name)
    for module in PEERS_ALIASES:
        with pytest.raises(
            AttributeError, match=f"^module '{module.__name__}' has no attribute 'x'"
        ):
            module.x  # noqa: B018
    # What belongs to the other one is not offered.
    assert not hasattr(scopeflow.guardrails, "ToolRequestIntercept")
    assert not hasattr(scopeflow.intercepts, "ToolSanitizeGuardrail")
