"""What callables in C of a case do (`tests/vectors/README.md`, "Native callables")."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .errors import Failure, RuntimeFailure
from .events import Draft, Event
from .execution import Annotated, Outcome
from .middleware import INJECTOR, SUBSCRIBER
from .native import GUARDS, Verdict, decoded, failure, fault
from .payload import UNLIMITED, encode
from .requests import LLMRequest, without_credentials
from .scopes import Context

if TYPE_CHECKING:
    from .vectors import Session

Answer = dict[str, Any]


class Native:
    """Answers by its moment, each in turn, and then the last one again."""

    def __init__(self, session: Session, registry: str, script: dict[str, Any]) -> None:
        self.session = session
        self.registry = registry
        self.label = script["label"]
        self.answers: dict[str, Iterator[Answer]] = {
            moment: iter(script["native"].get(moment, ())) for moment in ("before", "after")
        }
        self.last: dict[str, Answer] = {"before": {}, "after": {}}

    def ask(self, context: Context, got: dict[str, Any], moment: str = "before") -> Verdict:
        """Its verdict; a failure is raised."""
        is_after = moment == "after"
        self.session.performed.calls.append(self.label + ("_after" if is_after else ""))
        answer = self.last[moment] = next(self.answers[moment], self.last[moment])
        self.compare(answer.get("got", {}), got)
        self.session.inside(context, answer.get("steps", ()))
        verdict = Verdict()
        for said in answer.get("says", ()):
            verdict = self.verdict(said, is_after)
        if verdict.error is not None:
            raise verdict.error
        return verdict

    def verdict(self, said: Answer, is_after: bool) -> Verdict:
        word = next(key for key in ("refuse", "replace", "decide", "fail") if key in said)
        kind = said["decide"] if word == "decide" else word
        text = said.get("replace", said.get("json"))
        status = fault(self.registry, is_after, kind, text)
        refused = said.get("refused", {})
        if status != refused.get("status"):
            raise AssertionError(f"{self.label}: {said} is refused by {status}")
        if status is not None:  # the words are each build's own (S7.2), and the case tells them
            return Verdict("fail", error=RuntimeFailure(status, refused["message"], is_fixed=True))
        if kind == "fail":
            return Verdict("fail", error=failure(said.get("status", "plugin_error"), said["fail"]))
        if kind == "refuse":
            return Verdict("refuse", text=said["refuse"])
        if kind == "proceed":
            return Verdict()
        value = decoded(self.registry, is_after, kind, text)
        return Verdict(kind, value=value, has_value=text is not None)

    def compare(self, told: dict[str, Any], got: dict[str, Any]) -> None:
        """With what the case tells; of the names of the call the model does not know."""
        for key, value in told.items():
            if isinstance(value, dict):
                value = json.loads(value["json"])
                is_same = encode(value, UNLIMITED) == encode(got[key], UNLIMITED)
            else:
                is_same = key not in got or value == got[key]
            if not is_same:
                self.session.performed.findings.append(f"{self.label} got {key} {got[key]!r}")


class Guard(Native):
    def __call__(self, request: Any, context: Context) -> str | None:
        verdict = self.ask(context, {"input": request})
        return verdict.text if verdict.kind == "refuse" else None


class Subscriber(Native):
    def __call__(self, event: Event, context: Context) -> None:
        self.session.performed.events.setdefault(self.label, []).append(event.line)
        self.ask(context, {"input": json.loads(event.line)})


class Sanitizer(Native):
    """Of requests, responses and events; no credentials are shown (S3.6)."""

    def __call__(self, got: Any, context: Context) -> Any:
        shown = got
        if isinstance(shown, LLMRequest):
            shown = without_credentials(shown, self.session.runtime.credential_headers)
        verdict = self.ask(context, {"input": shown})
        return verdict.value if verdict.kind else got


class Injector(Native):
    def __call__(self, draft: Draft, context: Context) -> Any:
        verdict = self.ask(context, {"input": json.loads(draft.finished().line)})
        return verdict.value if verdict.kind else {}


class RequestIntercept(Native):
    def __call__(self, got: Any, context: Context, annotated: Any) -> Outcome:
        verdict = self.ask(context, {"input": got, "annotated": annotated})
        return Outcome(verdict.value if verdict.kind else got)


class ExecutionIntercept(Native):
    def before(self, request: Any, context: Context) -> Verdict:
        return self.ask(context, {"input": request, "attempt": 0})

    def after(
        self, request: Any, context: Context, result: Any, error: Failure | None, attempt: int
    ) -> Verdict:
        plain = result.result if isinstance(result, Annotated) else result
        outcome = plain if error is None else {"error": _described(error)}
        got = {"outcome": outcome, "failed": error is not None}
        return self.ask(context, {"input": request, "attempt": attempt, **got}, "after")


def _described(error: Failure) -> dict[str, str]:
    """As a host tells of an error; of the runtime's own also which it is."""
    own = {"status": error.status} if isinstance(error, RuntimeFailure) else {}
    return {"type": error.type_name, "message": str(error), **own}


def native_script(session: Session, registry: str, script: dict[str, Any]) -> Native:
    """What is registered there, in C."""
    kinds = {
        SUBSCRIBER: Subscriber,
        INJECTOR: Injector,
        "_request_intercept": RequestIntercept,
        "_execution_intercept": ExecutionIntercept,
        **dict.fromkeys(GUARDS, Guard),
    }
    made = (kind for ending, kind in kinds.items() if registry.endswith(ending))
    return next(made, Sanitizer)(session, registry, script)
