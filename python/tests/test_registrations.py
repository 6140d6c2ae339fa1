"""Lists of what is registered (S3.1, S3.3)."""

import threading

import pytest

import scopeflow
from scopeflow import runtime_registrations
from scopeflow.runtime_registrations import (
    RuntimeRegistrationIdentity,
    RuntimeRegistrationKind,
    RuntimeRegistrationOwnerKind,
)


def pass_on(name, payload):
    return payload


def ignore(event):
    return None


@pytest.fixture
def runtime():
    made = scopeflow.Runtime()
    yield made
    made.close()


def test_a_runtime_lists_what_it_has_in_the_order_of_registration(runtime):
    runtime.register_tool_request_intercept("tenant", -7, True, pass_on)
    runtime.register_subscriber("audit", ignore)
    runtime.register_conditional_middleware_guardrail(
        "night", {"tool_request_intercept"}, "tenant", lambda kinds, name: None
    )
    tenant, audit, night = runtime.registrations()
    assert (tenant.kind, tenant.name, tenant.priority) == ("tool_request_intercept", "tenant", -7)
    assert tenant.breaks_chain is True
    assert (tenant.target, tenant.target_kinds) == (None, frozenset())
    assert (audit.kind, audit.name, audit.priority) == ("subscriber", "audit", 0)
    assert audit.breaks_chain is False
    assert night.kind == "conditional_middleware_guardrail"
    assert (night.target, night.target_kinds) == ("tenant", frozenset({"tool_request_intercept"}))
    assert repr(audit) == "RegistrationInfo(kind='subscriber', name='audit', priority=0)"


def test_what_was_removed_is_not_listed(runtime):
    runtime.register_subscriber("audit", ignore)
    before = runtime.registrations()
    runtime.deregister_subscriber("audit")
    assert runtime.registrations() == []
    assert before[0].name == "audit"


def test_a_scope_lists_its_own_also_after_its_end(runtime):
    runtime.register_subscriber("audit", ignore)
    with runtime.scope("turn", scopeflow.ScopeType.Agent) as handle:
        assert runtime.registrations(handle) == []
        runtime.scope_register_tool_execution_intercept(handle, "retry", 3, pass_on)
        assert [r.name for r in runtime.registrations(handle)] == ["retry"]
    assert [r.name for r in runtime.registrations(scope=handle)] == ["retry"]
    assert [r.name for r in runtime.registrations()] == ["audit"]


def test_a_closed_runtime_can_still_be_asked():
    runtime = scopeflow.Runtime()
    runtime.register_subscriber("audit", ignore)
    runtime.close()
    assert [r.name for r in runtime.registrations()] == ["audit"]


def test_what_is_no_scope_of_the_runtime_is_refused(runtime):
    with pytest.raises(TypeError, match="scope must be ScopeHandle, not str"):
        runtime.registrations("turn")
    other = scopeflow.Runtime()
    with (
        other.scope("turn", scopeflow.ScopeType.Agent) as handle,
        pytest.raises(scopeflow.InvalidArgument, match="another"),
    ):
        runtime.registrations(handle)
    other.close()


def test_names_of_any_length_and_alphabet(runtime):
    names = ["ü" * 32_000, "日本", "a b", "\N{ROCKET}"]
    for name in names:
        runtime.register_subscriber(name, ignore)
    assert [r.name for r in runtime.registrations()] == names


def test_a_list_is_one_moment_while_others_register(runtime):
    """Pairs are registered one after the other, so every list has as many of the first as of the
    second, or one more."""
    is_done = threading.Event()

    def register_and_remove():
        while not is_done.is_set():
            runtime.register_subscriber("first", ignore)
            runtime.register_subscriber("second", ignore)
            runtime.deregister_subscriber("second")
            runtime.deregister_subscriber("first")

    thread = threading.Thread(target=register_and_remove)
    thread.start()
    try:
        seen = {tuple(r.name for r in runtime.registrations()) for _ in range(3_000)}
    finally:
        is_done.set()
        thread.join()
    assert seen <= {(), ("first",), ("first", "second")}


# --- In the shape of the peer ---


@pytest.fixture
def three_registered():
    with (
        scopeflow.intercepts.tool_request("last", 9, False, pass_on),
        scopeflow.intercepts.tool_request("first", 2, False, pass_on),
        scopeflow.subscribers.subscriber("audit", ignore),
    ):
        yield


def names(listed: list[RuntimeRegistrationIdentity]) -> list[str]:
    return [identity.effective_name for identity in listed]


def test_the_default_runtime_lists_by_registry_and_as_they_run(three_registered):
    listed = runtime_registrations.list_runtime_registrations()
    assert names(listed) == ["audit", "first", "last"]
    audit = listed[0]
    assert audit.kind is RuntimeRegistrationKind.SUBSCRIBER
    assert audit.local_name == "audit"
    assert audit.owner.kind is RuntimeRegistrationOwnerKind.GLOBAL_API
    assert (audit.owner.plugin_kind, audit.owner.component_ordinal) == (None, None)


@pytest.mark.parametrize(
    "kinds", [{RuntimeRegistrationKind.SUBSCRIBER}, ["subscriber"], iter(("subscriber",))]
)
def test_kinds_choose(three_registered, kinds):
    assert names(runtime_registrations.list_runtime_registrations(kinds)) == ["audit"]


def test_no_kinds_choose_nothing(three_registered):
    assert runtime_registrations.list_runtime_registrations(set()) == []


def test_gates_are_not_listed(three_registered):
    with runtime_registrations.conditional_middleware_guardrail(
        "night", {RuntimeRegistrationKind.TOOL_REQUEST_INTERCEPT}, "first", lambda kinds, name: None
    ):
        assert names(runtime_registrations.list_runtime_registrations()) == [
            "audit",
            "first",
            "last",
        ]


def test_a_gate_may_be_about_members_of_the_enum(three_registered):
    """What it is told are texts, which equal the members."""
    told = []
    kinds = {RuntimeRegistrationKind.TOOL_REQUEST_INTERCEPT}

    def gate(asked, name):
        told.append((asked, name))
        return "not today"

    with runtime_registrations.conditional_middleware_guardrail("night", kinds, "first", gate):
        scopeflow.tools.execute_sync("search", {}, lambda args: args)
    assert told == [(kinds, "first")]


@pytest.mark.parametrize("kinds", [{"subscribers"}, [1]])
def test_an_unknown_kind_is_refused(kinds):
    with pytest.raises(scopeflow.InvalidArgument, match="which is no registry"):
        runtime_registrations.list_runtime_registrations(kinds)


def test_one_text_is_no_set_of_kinds():
    with pytest.raises(TypeError, match="kinds must be several names"):
        runtime_registrations.list_runtime_registrations("subscriber")


def test_every_registry_but_gates_has_a_member():
    kinds = {kind.value for kind in RuntimeRegistrationKind}
    registers = {name for name in dir(scopeflow.Runtime) if name.startswith("register_")}
    assert {f"register_{kind}" for kind in kinds} == registers - {
        "register_conditional_middleware_guardrail"
    }
