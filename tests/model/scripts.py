"""What callables, codecs and targets of a case do (`tests/vectors/README.md`, "Callables").

A script is called as the model calls a callable, does the steps of its answer through the session
that performs the case, and turns the answer into what the model takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .errors import Failure, HostCancellation, HostError
from .events import Draft, Event
from .execution import Annotated, Next, Outcome, PendingMark
from .fixtures import fixture
from .payload import encode
from .requests import LLMRequest
from .runtime import ABSENT
from .scopes import Context, Scope

if TYPE_CHECKING:
    from .vectors import Session

Answer = dict[str, Any]


class Script:
    """A callable whose n-th call gets the n-th answer, and then the last one again."""

    def __init__(self, session: Session, script: dict[str, Any], label: str | None = None) -> None:
        self.session = session
        self.script = script
        self.label = label or script.get("label")
        self.answers: Iterator[Answer] = iter(script.get("answers", ()))
        self.last: Answer = {}

    def turn(self, context: Context, keeps: tuple[Next, Any] | None = None) -> Answer:
        """Does an answer's steps, and raises the error that it ends with.

        An execution intercept fails only after it has called its `next`, which it may keep.
        """
        if self.label is not None:
            self.session.performed.calls.append(self.label)
        answer = self.last = next(self.answers, self.last)
        if keeps is not None and "keep_next" in answer:
            self.session.continuations[answer["keep_next"]] = keeps
        self.session.inside(context, answer.get("steps", ()))
        if keeps is None and "chunks" not in answer:
            fail(answer)
        return answer


class Guard(Script):
    def __call__(self, request: Any, context: Context) -> str | None:
        return self.turn(context).get("refuse")


class Subscriber(Script):
    def __call__(self, event: Event, context: Context) -> None:
        self.session.performed.events.setdefault(self.script["label"], []).append(event.line)
        self.turn(context)


class Sanitizer(Script):
    """Of requests, responses and events."""

    def __call__(self, got: Any, context: Context) -> Any:
        return rewritten(got, self.turn(context))


class Injector(Script):
    def __call__(self, _: Draft, context: Context) -> Any:
        return rewritten({}, self.turn(context))


class RequestIntercept(Script):
    def __call__(self, got: Any, context: Context, annotated: Any) -> Outcome:
        answer = self.turn(context)
        returned = rewritten(got, answer)
        given = payload(answer["annotated"]) if "annotated" in answer else None
        return Outcome(returned, given, pending(answer))


class ExecutionIntercept(Script):
    def __call__(self, request: Any, context: Context, next: Next) -> Outcome:
        answer = self.turn(context, keeps=(next, request))
        results: dict[str, Any] = {}
        result: Any = None
        for one in answer.get("next", [{}]):
            result = results[one.get("as", "")] = self.call_next(next, one, request, context)
        if "chunks" in answer:
            result = chunks(self.session, answer, context)
        elif "return" in answer:
            result = payload(answer["return"])
        elif "result_of" in answer:
            result = results[answer["result_of"]]
        else:
            fail(answer)
        return Outcome(result, None, pending(answer))

    def call_next(self, next: Next, one: Answer, request: Any, context: Context) -> Any:
        """With its own request or another; an ordinary error may be caught."""
        if "request" in one:
            request = as_request(one["request"], request)
        try:
            return next(request, context)
        except HostCancellation:
            raise
        except Failure:
            if "catch" not in one:
                raise
            return None


class Collector(Script):
    def __call__(self, chunk: Any, context: Context) -> None:
        self.turn(context)


class Finalizer(Script):
    def __call__(self, context: Context) -> Any:
        answer = self.turn(context)
        return payload(answer["return"]) if "return" in answer else None


class Target(Script):
    """Of a managed call; the call's span gets the target's label."""

    def __init__(self, session: Session, script: dict[str, Any]) -> None:
        flat = {key: value for key, value in script.items() if key not in ("as", "label")}
        super().__init__(session, {"answers": [flat], **script})

    def __call__(self, request: Any, span: Scope, context: Context) -> Any:
        if "as" in self.script:
            self.session.scopes[self.script["as"]] = span
        answer = self.turn(context)
        if "chunks" in answer:
            return chunks(self.session, answer, context)
        result = self.session.lend(payload(answer["return"]))
        if "annotation" in answer:
            return Annotated(result, payload(answer["annotation"]))
        return result


def codec_act(session: Session, script: dict[str, Any]) -> Callable[..., Any]:
    """The actions of a codec, each with answers of its own."""
    actions = {
        action: Script(session, {"answers": given}, f"{script['label']}_{action}")
        for action, given in script.items()
        if action != "label"
    }

    def act(action: str, value: Any, annotated: Any, context: Context) -> Any:
        answer = actions[action].turn(context)
        if "got" in answer and encode(as_request(answer["got"], value)) != encode(value):
            raise AssertionError(f"{action} got {value!r}")
        if "nothing" in answer:
            return None
        given = payload(answer["return"])
        return as_request(answer["return"], value) if action == "encode_request" else given

    return act


def chunks(session: Session, answer: Answer, context: Context) -> Iterator[Any]:
    """A stream: its steps are done in the context in which it was made (S1.11)."""
    before = answer.get("before", {})
    count = 0
    for count, chunk in enumerate(answer["chunks"], 1):
        session.inside(context, before.get(str(count), ()))
        yield payload(chunk)
    session.inside(context, before.get(str(count + 1), ()))
    fail(answer)


def fail(answer: Answer) -> None:
    """The error that an answer ends with, if there is one."""
    for key in ("raise", "cancel"):
        if key in answer:
            raise error(answer[key])


def rewritten(got: Any, answer: Answer) -> Any:
    """What a sanitizer, intercept or injector returns of what it got."""
    if "nothing" in answer:
        return None
    if "return" in answer:
        return as_request(answer["return"], got)
    for path, value in answer.get("edit", {}).items():
        holder, key = _holder(got, path)
        _set(holder, key, payload(value))
    for path in answer.get("remove", ()):
        holder, key = _holder(got, path)
        del holder[int(key) if isinstance(holder, list) else key]
    return got


def _holder(value: Any, path: str) -> tuple[Any, str]:
    *way, last = path.split("/")
    for key in way:
        value = _get(value, key)
    return value, last


def _get(holder: Any, key: str) -> Any:
    if isinstance(holder, LLMRequest):
        return getattr(holder, key)
    return holder[int(key) if isinstance(holder, list) else key]


def _set(holder: Any, key: str, value: Any) -> None:
    if isinstance(holder, LLMRequest):
        assert key in ("headers", "content")
        setattr(holder, key, value)
    elif isinstance(holder, list):
        holder[int(key)] = value
    else:
        holder[key] = value


def pending(answer: Answer) -> list[PendingMark]:
    """The marks of an outcome object (S3.11)."""

    def given(mark: dict[str, Any], key: str) -> Any:
        return payload(mark[key]) if key in mark else ABSENT

    marks: Iterable[dict[str, Any]] = answer.get("marks", ())
    payloads = ("data", "metadata", "category_profile", "data_schema")
    return [
        PendingMark(m["name"], *(given(m, key) for key in payloads), m.get("category"))
        for m in marks
    ]


def payload(value: dict[str, Any]) -> Any:
    """A fresh value each time."""
    return fixture(value["host"]) if "host" in value else json.loads(value["json"])


def as_request(value: dict[str, Any], instead_of: Any) -> Any:
    """A request of an LLM where one is dealt with and the payload is one, else the plain value."""
    made = payload(value)
    is_wanted = isinstance(instead_of, LLMRequest)
    if is_wanted and isinstance(made, dict) and sorted(made) == ["content", "headers"]:
        return LLMRequest(**made)
    return made


def error(value: dict[str, str]) -> HostError:
    kind = HostCancellation if value["type"] == "Cancelled" else HostError
    return kind(value["type"], value["message"])
