"""Registrations that last as long as a `with` (S3.1)."""

from __future__ import annotations

import inspect
import threading

import pytest

import scopeflow
from scopeflow import (
    AlreadyExists,
    InvalidState,
    NotFound,
    Registration,
    ScopeType,
    event_metadata,
    guardrails,
    intercepts,
    runtime_registrations,
    scope,
    scope_local,
    subscribers,
    testing,
    tools,
)

MODULES = {
    guardrails: "",
    intercepts: "",
    event_metadata: "",
    runtime_registrations: "",
    scope_local: "scope_",
}
FORMS = [
    pytest.param(module, name.removeprefix("register_"), id=f"{module.__name__[10:]}.{name[9:]}")
    for module in MODULES
    for name in module.__all__
    if name.startswith("register_")
] + [pytest.param(subscribers, "subscriber", id="subscribers.subscriber")]


def function_of(module, name):
    return getattr(module, f"register_{name}", None) or module.register


def arguments_for(module, name, handle):
    """What a registration takes, by the names of the parameters."""
    values = {
        "scope_handle": handle,
        "name": "n",
        "priority": 1,
        "break_chain": False,
        "kinds": {"tool_request_intercept"},
        "registration_name": "other",
    }
    parameters = inspect.signature(function_of(module, name)).parameters
    return {key: values.get(key, lambda *given: None) for key in parameters}


@pytest.fixture
def handle():
    with scope.scope("s", ScopeType.Agent) as handle:
        yield handle


@pytest.mark.parametrize("by_keyword", [False, True], ids=["positional", "keyword"])
@pytest.mark.parametrize("module, name", FORMS)
def test_every_registry_has_a_scoped_form(module, name, by_keyword, handle):
    make = getattr(module, name)
    named = arguments_for(module, name, handle)
    given = ((), named) if by_keyword else (tuple(named.values()), {})
    register = function_of(module, name)
    with make(*given[0], **given[1]) as registration:
        assert type(registration) is Registration
        assert repr(registration) == "<registration 'n'>"
        with pytest.raises(AlreadyExists):
            register(**named)
        with pytest.raises(InvalidState, match="'n'> has been added already; make another one"):
            registration.add()
        with pytest.raises(InvalidState):
            registration.__enter__()
        with pytest.raises(AlreadyExists):
            register(**named)
    register(**named)
    key = [named["name"]] if named.get("scope_handle") is None else [handle, named["name"]]
    deregister = getattr(module, f"deregister_{name}", None) or module.deregister
    assert deregister(*key) is True
    assert registration.remove() is False


@pytest.mark.parametrize("module, name", FORMS)
def test_the_forms_say_what_they_take(module, name):
    make = getattr(module, name)
    assert name in module.__all__
    assert inspect.signature(make) == inspect.signature(function_of(module, name))
    assert "Registration" in make.__doc__ and "Raises" in make.__doc__
    assert make.__name__


def test_it_is_in_force_inside_only():
    def guard(name, args):
        return "no"

    with guardrails.tool_conditional_execution("scoped", 1, guard):
        with pytest.raises(scopeflow.GuardrailRejected):
            tools.execute_sync("t", {}, len)
    assert tools.execute_sync("t", {}, len) == 0


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_removes_it_and_comes_out(error):
    registration = subscribers.subscriber("scoped", lambda event: None)
    with pytest.raises(error):
        with registration:
            raise error
    assert subscribers.deregister("scoped") is False


def test_a_registration_that_fails_is_not_in_force():
    with subscribers.subscriber("scoped", lambda event: None):
        other = subscribers.subscriber("scoped", lambda event: None)
        with pytest.raises(AlreadyExists):
            other.add()
        assert other.remove() is False
        assert subscribers.deregister("scoped") is True
        assert other.add() is other
    assert other.remove() is False  # The outer `with` removed what bore the name.


def test_it_can_be_used_again():
    seen = []
    registration = subscribers.subscriber("scoped", seen.append)
    for count in (1, 2):
        with registration:
            scope.event("m")
        scope.event("m")
        assert len(seen) == count
    registration.add()
    scope.event("m")
    assert registration.remove() is True
    assert registration.remove() is False
    scope.event("m")
    assert len(seen) == 3


def test_it_goes_with_its_scope():
    handle = scope.push("s", ScopeType.Agent)
    with scope_local.subscriber(handle, "scoped", lambda event: None) as registration:
        scope.pop(handle)
    assert registration.remove() is False
    with pytest.raises(NotFound):
        registration.add()
    assert registration.remove() is False


def test_it_goes_with_its_runtime():
    with testing.isolated() as runtime:
        with subscribers.subscriber("scoped", lambda event: None):
            runtime.close()


def test_a_missing_name_is_refused_at_once():
    with pytest.raises(TypeError, match=r"^subscriber\(\) needs a name"):
        subscribers.subscriber()
    with scope.scope("s", ScopeType.Agent) as handle:
        with pytest.raises(TypeError, match="needs a name"):
            scope_local.subscriber(handle)


def test_wrong_arguments_are_refused_on_entering():
    registration = guardrails.tool_sanitize_request("scoped", "high", lambda name, args: args)
    with pytest.raises(TypeError, match="priority"):
        registration.add()
    assert guardrails.deregister_tool_sanitize_request("scoped") is False


def test_one_of_several_threads_adds_it():
    registration = subscribers.subscriber("scoped", lambda event: None)
    outcomes = []

    def add():
        try:
            registration.add()
            outcomes.append("added")
        except (AlreadyExists, InvalidState):
            outcomes.append("refused")

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["added"] + ["refused"] * 7
    assert registration.remove() is True
