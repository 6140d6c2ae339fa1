"""Middleware of a case in C (ADR 0020): callables that say `native` are registered so. In the mode
`native` so are those of the host's that only look, refuse or return JSON, and everything has to
come out as it does with Python's."""

from __future__ import annotations

import json

import native_callables
import operations_gen as table
from native_callables import BREAK_CHAIN, Registered

from scopeflow import _native

# Of the host's, by registry: what the answers of such a one may have.
MIXED = {
    "tool_conditional_execution_guardrail": "refuse",
    "tool_sanitize_request_guardrail": "return",
    "tool_sanitize_response_guardrail": "return",
    "tool_request_intercept": None,
    "llm_sanitize_request_guardrail": "return",
    "llm_sanitize_response_guardrail": "return",
    "llm_conditional_execution_guardrail": "refuse",
    "mark_sanitize_guardrail": "return",
    "scope_sanitize_start_guardrail": "return",
    "scope_sanitize_end_guardrail": "return",
    "event_metadata_injector": "return",
}
DECISIONS = {"proceed": 0, "short_circuit": 1, "retry": 2, "replace": 3}
STATUSES = {of.code: of.status for of in _native.ScopeflowError.__subclasses__()}
PARTS = {"input": 0, "annotated": 1, "outcome": 2}
TAKEN = 0


def register(session, step, owner):
    """Does a step's registration so; False if it is none, or Python's."""
    registry = step["op"].removeprefix("scope_").removeprefix("register_")
    arguments = step.get("args", {})
    script = arguments.get("callable", {})
    if registry not in table.REGISTRIES:
        return False
    if "native" in script:
        run = Scripted(session, registry, arguments)
    elif session.mode == "native" and is_mixed(registry, arguments):
        run = AsHost(session, script)
    else:
        return False
    registered = Registered(
        owner,
        table.REGISTRIES[registry],
        session.argument("string", arguments["name"]),
        run,
        priority=arguments.get("priority", 0),
        flags=BREAK_CHAIN if script.get("break_chain") else 0,
        gate=(arguments.get("kinds", 0), arguments.get("registration", "")),
    )
    session.natives.add(script["label"], registered)
    return True


def is_mixed(registry, arguments):
    script = arguments["callable"]
    if registry not in MIXED or script.get("async") or not isinstance(arguments.get("name"), str):
        return False
    return all(can_answer(MIXED[registry], answer) for answer in script.get("answers", ()))


def can_answer(outcome, answer):
    """Only what JSON text can say, and null is nothing."""
    if answer.keys() - {outcome}:
        return False
    return "return" not in answer or answer["return"].get("json", "null") != "null"


class AsHost:
    """One of the host's, which is registered natively."""

    def __init__(self, session, script):
        self.calls = session.calls
        self.label = script["label"]
        self.answers = session.scripts.answers(script)

    def __call__(self, invocation):
        self.calls.append(self.label)
        answer = self.answers()
        if "refuse" in answer:
            assert invocation.refuse(answer["refuse"]) == TAKEN
        elif "return" in answer:
            invocation.replace(answer["return"]["json"])


class Scripted:
    """tests/vectors/README.md, "Native callables"."""

    def __init__(self, session, registry, arguments):
        self.session = session
        self.registry = registry
        self.name = arguments["name"]
        script = arguments["callable"]
        self.label = script["label"]
        self.answers = {
            moment: session.scripts.answers(script["native"], moment)
            for moment in ("before", "after")
        }

    def __call__(self, invocation):
        capsule = self.session.runtime.capsule
        assert invocation.registry == table.REGISTRIES[self.registry]
        assert invocation.registration == self.name
        assert invocation.runtime == native_callables.pointer_of(capsule, b"scopeflow.runtime")
        if self.registry == "subscriber":
            self.session.events.setdefault(self.label, []).append(invocation.json())
        self.session.calls.append(self.label + ("_after" if invocation.is_after else ""))
        answer = self.answers["after" if invocation.is_after else "before"]()
        for key, value in answer.get("got", {}).items():
            self.check(invocation, key, value)
        self.session.steps_here(answer.get("steps", ()))
        for said in answer.get("says", ()):
            self.say(invocation, said)

    def check(self, invocation, key, value):
        if key in PARTS:
            assert json.loads(invocation.json(PARTS[key])) == json.loads(value["json"])
        else:
            name = "has_failed" if key == "failed" else key
            assert (key, getattr(invocation, name)) == (key, value)

    def say(self, invocation, said):
        if "refuse" in said:
            status = invocation.refuse(said["refuse"])
        elif "replace" in said:
            status = invocation.replace(said["replace"])
        elif "decide" in said:
            status = invocation.decide(DECISIONS[said["decide"]], said.get("json"))
        else:
            status = invocation.fail(said["fail"], STATUSES.get(said.get("status"), TAKEN))
        if "refused" in said:
            assert status == STATUSES[said["refused"]["status"]]
            assert invocation.message == said["refused"]["message"]
        else:
            assert (said, status, invocation.message) == (said, TAKEN, "")
        if "intercept" in self.registry and status == TAKEN and "fail" not in said:
            self.session.scripts.made_natively()


class Natives:
    """The native callables of a case."""

    def __init__(self):
        self.all = []  # (label, Registered)

    def add(self, label, registered):
        self.all.append((label, registered))

    def check(self, given_back):
        for label, registered in self.all:
            assert (label, registered.errors) == (label, [])
        if given_back is not None:
            found = [label for label, registered in self.all if registered.destroyed]
            assert sorted(found) == sorted(given_back)

    def let_go(self):
        """Of the case, which a callable holds and which holds the runtime."""
        for _, registered in self.all:
            registered.function = None

    def check_given_back_once(self):
        assert [(label, r.destroyed) for label, r in self.all] == [
            (label, 1) for label, _ in self.all
        ]
