"""Native middleware: callables in C, here made by cffi, that the core runs itself (ADR 0020)."""

from __future__ import annotations

import json

import pytest
from host import NativeError, Raised

TOOL_GUARD = "TOOL_CONDITIONAL_EXECUTION_GUARDRAIL"
TOOL_REQUEST = "TOOL_REQUEST_INTERCEPT"
TOOL_EXECUTION = "TOOL_EXECUTION_INTERCEPT"


class Native:
    """What a callable asks and answers, with an invocation in hand."""

    def __init__(self, host, invocation):
        self.host, self.invocation = host, invocation

    def ask(self, name):
        return getattr(self.host.lib, f"scopeflow_invocation_{name}")(self.invocation)

    def text(self, name):
        return self.host.text_of(self.ask(name))

    def json(self, part):
        part = getattr(self.host.lib, f"SCOPEFLOW_NATIVE_PART_{part}")
        text = self.host.read("invocation_json", "scopeflow_bytes", self.invocation, part)
        return json.loads(self.host.text_of(text))

    def answer(self, name, *arguments):
        self.host.call(f"invocation_{name}", self.invocation, *arguments)

    def decide(self, decision, value=None):
        number = getattr(self.host.lib, f"SCOPEFLOW_NATIVE_DECISION_{decision}")
        text = "" if value is None else json.dumps(value)
        self.answer("decide", number, *self.host.texts(text))


def register(host, registry, name, run, *, on=None, priority=0):
    """Returns what `destroy` is told."""
    destroyed = []

    def run_native(user_data, invocation):
        run(Native(host, invocation))

    callable_ = host.lib.initial("scopeflow_native_callable")
    callable_.registry = getattr(host.lib, f"SCOPEFLOW_REGISTRY_{registry}")
    callable_.priority = priority
    [callable_.name] = host.texts(name)
    callable_.run = host.lend("void(void *, scopeflow_invocation *)", run_native)
    callable_.destroy = host.lend("void(void *)", lambda user_data: destroyed.append(name))
    if on is None:
        host.call("native_register", host.runtime, callable_)
    else:
        host.call("native_scope_register", on, callable_)
    return destroyed


def deregister(host, registry, name, on=None):
    number = getattr(host.lib, f"SCOPEFLOW_REGISTRY_{registry}")
    function = "native_deregister" if on is None else "native_scope_deregister"
    owner = host.runtime if on is None else on
    return host.read(function, "uint32_t", owner, number, *host.texts(name)) == 1


def call_tool(host, request, target=lambda request: request, **options):
    return host.run("tool_execute", name="search", request=request, target=target, **options)


def test_what_a_callable_can_ask(host):
    seen = {}

    def look(native):
        seen["registration"] = native.text("registration")
        seen["target"] = native.text("target")
        seen["tool_call_id"] = native.text("tool_call_id")
        seen["model_name"] = native.text("model_name")
        seen["input"] = native.json("INPUT")
        seen["registry"] = native.ask("registry")
        seen["moment"] = native.ask("moment")
        seen["attempt"] = native.ask("attempt")
        seen["outcome"] = native.ask("outcome")
        seen["event"] = native.ask("event")
        seen["scope"] = native.ask("scope")
        seen["runtime"] = native.ask("runtime")

    register(host, TOOL_GUARD, "looks", look)
    request = {"query": "tea"}
    assert call_tool(host, request, tool_call_id="call-1") is request
    lib = host.lib
    assert seen.pop("scope") != host.ffi.NULL
    assert seen == {
        "registration": "looks",
        "target": "search",
        "tool_call_id": "call-1",
        "model_name": "",
        "input": request,
        "registry": lib.SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL,
        "moment": lib.SCOPEFLOW_NATIVE_MOMENT_BEFORE,
        "attempt": 0,
        "outcome": lib.SCOPEFLOW_ANSWER_KIND_VALUE,
        "event": host.ffi.NULL,
        "runtime": host.runtime,
    }


def test_a_refusal_a_rewrite_and_a_failure(host):
    def judge(native):
        request = native.json("INPUT")
        if request == "refuse":
            native.answer("refuse", *host.texts('no "tea"'))
        if request == "fail":
            native.answer("fail", host.lib.SCOPEFLOW_STATUS_LIMIT_EXCEEDED, *host.texts("too much"))

    register(host, TOOL_GUARD, "judges", judge)
    register(
        host, TOOL_REQUEST, "adds",
        lambda native: native.answer("replace", *host.texts(json.dumps([native.json("INPUT")]))),
    )  # fmt: skip
    assert call_tool(host, "tea") == ["tea"]
    with pytest.raises(Raised) as refusal:
        call_tool(host, "refuse")
    assert refusal.value.args == ('no "tea"',)
    with pytest.raises(NativeError, match="too much"):
        call_tool(host, "fail")


def test_an_execution_intercept_tries_again_and_replaces(host):
    outcomes = []
    answers = iter([ValueError("busy"), "tea"])

    def target(request):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def around(native):
        if native.ask("moment") == host.lib.SCOPEFLOW_NATIVE_MOMENT_BEFORE:
            native.decide("PROCEED")
            return
        outcomes.append((native.ask("attempt"), native.json("OUTCOME")))
        if native.ask("outcome") == host.lib.SCOPEFLOW_ANSWER_KIND_ERROR:
            native.decide("RETRY")
        else:
            native.decide("REPLACE", {"drink": native.json("OUTCOME")})

    register(host, TOOL_EXECUTION, "tries", around)
    assert call_tool(host, "what", target) == {"drink": "tea"}
    failure = {"error": {"type": "ValueError", "message": "busy"}}
    assert outcomes == [(1, failure), (2, "tea")]


def test_a_subscriber_gets_the_event_and_the_scope_its_own(host):
    heard = []
    scope = host.push("agent")
    destroyed = register(
        host, "SUBSCRIBER", "hears",
        lambda native: heard.append(host.event(native.ask("event"))["name"]), on=scope,
    )  # fmt: skip
    host.run("scope_event", name="inside", current=scope)
    host.run("scope_event", name="outside")
    assert deregister(host, "SUBSCRIBER", "hears", on=scope)
    assert not deregister(host, "SUBSCRIBER", "hears", on=scope)
    assert destroyed == ["hears"]
    host.pop(scope)
    host.lib.scopeflow_scope_release(scope)
    assert heard == ["inside"]


def test_destroy_is_called_once_whoever_ends_it(host):
    destroyed = register(host, TOOL_GUARD, "passes", lambda native: None)
    assert deregister(host, TOOL_GUARD, "passes")
    assert not deregister(host, TOOL_GUARD, "passes")
    assert destroyed == ["passes"]


def test_the_table_has_the_functions_of_the_library(host):
    table = host.lib.scopeflow_get_functions()
    assert table.struct_size_bytes == host.ffi.sizeof("scopeflow_functions")
    addresses = {name: getattr(table, name) for name, _ in host.ffi.typeof(table[0]).fields[1:]}
    assert len(addresses) > 20
    for name, address in addresses.items():
        assert address == host.ffi.addressof(host.lib.library, f"scopeflow_{name}"), name
