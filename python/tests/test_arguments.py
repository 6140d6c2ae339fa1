"""What operations take: a wrong type is TypeError, a wrong value an error of the runtime (S7)."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime

import pytest

import scopeflow
from scopeflow import (
    AtofExporterMode,
    ScopeAttributes,
    ScopeType,
    ToolAttributes,
    _native,
    errors,
)

AGENT = ScopeType.Agent


def identity(value):
    return value


@pytest.mark.parametrize(
    ("named", "text"),
    [
        ({"name": 1}, "name must be str, not int"),
        ({"scope_type": 0}, "scope_type must be ScopeType, not int"),
        ({"scope_type": None}, "scope_type must be ScopeType, not NoneType"),
        ({"handle": "x"}, "handle must be ScopeHandle, not str"),
        ({"attributes": "parallel"}, "attributes must be ScopeAttributes, not str"),
        ({"attributes": ToolAttributes.REMOTE}, "attributes must be ScopeAttributes"),
        ({"subtype": b"x"}, "subtype must be str, not bytes"),
        ({"timestamp": "now"}, "timestamp must be a datetime.datetime object or an int"),
        ({"timestamp": 1.5}, "timestamp must be a datetime.datetime object or an int"),
    ],
)
def test_a_wrong_type_is_a_type_error(runtime, log, named, text):
    with pytest.raises(TypeError, match=text):
        runtime.scope_push(**{"name": "a", "scope_type": AGENT, **named})
    assert log.events == []
    assert runtime.get_handle().name == "root"


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ({"name": "x" * 65_536}, scopeflow.LimitExceeded),
        ({"name": "\ud800"}, scopeflow.InvalidUtf8),
        ({"attributes": 64}, scopeflow.InvalidArgument),
        ({"attributes": -1}, scopeflow.InvalidArgument),
        ({"subtype": "only for custom scopes"}, scopeflow.InvalidArgument),
        ({"timestamp": datetime(2026, 1, 1)}, scopeflow.InvalidArgument),
        ({"timestamp": 2**63}, scopeflow.InvalidArgument),
    ],
)
def test_a_wrong_value_is_an_error_of_the_runtime(runtime, log, named, error):
    with pytest.raises(error):
        runtime.scope_push(**{"name": "a", "scope_type": AGENT, **named})
    assert log.events == []
    assert runtime.get_handle().name == "root"


def test_missing_and_unknown_arguments_are_named(runtime):
    with pytest.raises(TypeError, match="scope_push"):
        runtime.scope_push("a")
    with pytest.raises(TypeError, match="colour"):
        runtime.scope_push("a", AGENT, colour="red")
    with pytest.raises(TypeError, match="scope_pop"):
        runtime.scope_pop()
    assert runtime.scope_push(scope_type=AGENT, name="by name").name == "by name"


def test_what_pop_takes(runtime):
    handle = runtime.scope_push("a", AGENT)
    for wrong in ({"error": "boom"}, {"status": "ok"}, {"flags": "close"}):
        with pytest.raises(TypeError):
            runtime.scope_pop(handle, **wrong)
    with pytest.raises(TypeError, match="handle must be ScopeHandle, not str"):
        runtime.scope_pop(handle.uuid)
    assert handle.is_open
    handle.close()


def test_what_a_call_takes(runtime):
    for wrong in ({"name": 1}, {"tool_call_id": 1}, {"handle": 1}, {"attributes": "remote"}):
        with pytest.raises(TypeError):
            runtime.tool_execute_sync(**{"name": "a", "args": 1, "func": identity, **wrong})
    with pytest.raises(TypeError, match="func must be callable, not NoneType"):
        runtime.tool_execute("a", 1, None)
    with pytest.raises(TypeError, match="attributes must be ToolAttributes"):
        runtime.tool_execute_sync("a", 1, identity, attributes=ScopeAttributes.PARALLEL)
    with pytest.raises(scopeflow.InvalidArgument):
        runtime.tool_execute_sync("a", 1, identity, attributes=2)


def test_what_a_registration_takes(runtime):
    register = runtime.register_tool_conditional_execution_guardrail
    with pytest.raises(TypeError, match=r"guardrail of tool .* 'g' must be callable, not str"):
        register("g", 1, "refuse")
    with pytest.raises(TypeError, match="priority must be int, not str"):
        register("g", "1", print)
    with pytest.raises(scopeflow.InvalidArgument, match="priority must be from -2147483648"):
        register("g", 2**31, print)
    register("g", -(2**31), print)
    with pytest.raises(scopeflow.AlreadyExists, match="'g'"):
        register("g", 1, print)
    assert runtime.deregister_tool_conditional_execution_guardrail("g") is True
    assert runtime.deregister_tool_conditional_execution_guardrail("g") is False


def test_handles_and_events_are_made_by_the_runtime_only(runtime):
    call = runtime.tool_execute("tool", 1, identity)
    types = [type(runtime.get_handle()), type(runtime.scope("a", AGENT)), type(call)]
    types += [scopeflow.Event, scopeflow.ScopeEvent, scopeflow.MarkEvent, _native.AtofSink]
    for of_class in types:
        for make in (
            of_class,
            lambda t=of_class: t.__new__(t),
            lambda t=of_class: object.__new__(t),
        ):
            with pytest.raises(TypeError):
                make()
    with pytest.raises(TypeError):
        copy.copy(runtime.get_handle())
    call.close()


@pytest.mark.parametrize("budget", [63, 2**30 + 1, "1"])
def test_a_runtime_checks_its_options(budget):
    with pytest.raises((scopeflow.InvalidArgument, TypeError)):
        scopeflow.Runtime(payload_budget=budget)
    with pytest.raises(scopeflow.InvalidArgument):
        scopeflow.Runtime(flags=4)


# --- Errors ---


def test_every_error_is_a_scopeflow_error_with_its_number():
    numbers = {}
    for name in errors.__all__:
        of_class = getattr(errors, name)
        assert issubclass(of_class, scopeflow.ScopeflowError)
        assert issubclass(of_class, RuntimeError)
        numbers[of_class.status] = of_class.code
    assert numbers[1005] == "guardrail_rejected"
    assert len(numbers) == len(errors.__all__)
    assert issubclass(scopeflow.InvalidArgument, ValueError)
    assert issubclass(scopeflow.InvalidUtf8, ValueError)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_errors_and_enums_can_be_copied_and_pickled(way):
    refusal = way(scopeflow.GuardrailRejected("too long"))
    assert (refusal.reason, str(refusal)) == ("too long", "guardrail rejected: too long")
    assert str(way(scopeflow.NotFound("gone"))) == "gone"
    assert way(ScopeType.Llm) is ScopeType.Llm
    assert way(ScopeAttributes.PARALLEL) == ScopeAttributes.PARALLEL


# --- Enums and flags ---


def test_scope_types_have_the_numbers_of_the_wire():
    names = "Agent Function Tool Llm Retriever Embedder Reranker Guardrail Evaluator Custom Unknown"
    assert [kind.name for kind in ScopeType] == names.split()
    assert [int(kind) for kind in ScopeType] == list(range(11))
    assert ScopeType(3) is ScopeType.Llm
    assert len(ScopeType) == 11
    assert repr(ScopeType.Llm) == "ScopeType.Llm"
    assert {ScopeType.Llm: 1}[ScopeType(3)] == 1
    assert ScopeType.Agent != AtofExporterMode.Append


@pytest.mark.parametrize("value", [11, -1])
def test_an_unknown_number_is_no_member(value):
    with pytest.raises(scopeflow.InvalidArgument, match=f"{value} is no ScopeType"):
        ScopeType(value)
    with pytest.raises(TypeError):
        ScopeType("agent")


def test_flags_combine_and_refuse_unknown_bits():
    both = ScopeAttributes.PARALLEL | ScopeAttributes.RELOCATABLE
    assert isinstance(both, ScopeAttributes)
    assert (both.value, both.is_parallel, both.is_relocatable) == (3, True, True)
    assert both & ScopeAttributes.PARALLEL == ScopeAttributes.PARALLEL
    assert not ScopeAttributes().is_parallel
    assert ScopeAttributes(ScopeAttributes.PARALLEL).is_parallel
    with pytest.raises(scopeflow.InvalidArgument, match="ScopeAttributes has no bit 0x4"):
        ScopeAttributes(4)
    with pytest.raises(TypeError):
        ScopeAttributes("parallel")
