"""What a model sees: the messages and tools of a chat-completions request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """What came of one tool call."""

    tool: str
    arguments: Mapping[str, Any]
    content: Mapping[str, Any]

    @property
    def failure(self) -> str:
        """Why the tool did not do it; empty if it did."""
        return str(self.content.get("error") or self.content.get("refused") or "")

    @property
    def was_refused(self) -> bool:
        """Whether a guardrail stood in the way."""
        return "refused" in self.content

    @property
    def rows(self) -> Sequence[Sequence[Any]]:
        """The rows of an SQL result."""
        return self.content.get("rows") or []


@dataclass(frozen=True)
class Wish:
    """A tool call that the model asks for."""

    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """The model's next message: a text, or wishes."""

    text: str = ""
    wishes: Sequence[Wish] = field(default_factory=tuple)


@dataclass(frozen=True)
class Conversation:
    """A request, made easy to reason about."""

    task: str
    """The last thing that the user said."""
    tools: Mapping[str, Mapping[str, Any]]
    """Properties of the parameters of each tool."""
    results: Sequence[Result]
    """Tool results since the user spoke, in order."""

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Conversation:
        """Return the conversation in the body of a request."""
        task = ""
        calls: dict[str, Mapping[str, Any]] = {}
        results: list[Result] = []
        for message in request["messages"]:
            role = message["role"]
            if role == "user":
                task, results = str(message.get("content") or ""), []
            elif role == "assistant":
                for call in message.get("tool_calls") or ():
                    calls[call["id"]] = call["function"]
            elif role == "tool" and message.get("tool_call_id") in calls:
                function = calls[message["tool_call_id"]]
                content = _object(message.get("content"))
                results.append(Result(function["name"], _object(function["arguments"]), content))
        return cls(task, _tools(request), results)


def _tools(request: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    functions = [tool["function"] for tool in request.get("tools") or ()]
    return {f["name"]: (f.get("parameters") or {}).get("properties") or {} for f in functions}


def _object(text: object) -> Mapping[str, Any]:
    try:
        value = json.loads(str(text))
    except ValueError:
        value = text
    return value if isinstance(value, dict) else {"value": value}
