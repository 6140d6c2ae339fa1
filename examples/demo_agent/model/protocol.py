"""OpenAI's chat-completions protocol: requests checked, answers and errors in its shape."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from .conversation import Conversation, Reply
from .planner import decide
from .stream import chunks

MODEL = "rule-planner-1"

_ROLES = ("system", "developer", "user", "assistant", "tool")


class ProtocolError(Exception):
    """A request that cannot be served."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {
            "error": {"message": message, "type": kind, "param": param, "code": code},
        }


def server_error(message: str) -> ProtocolError:
    """Return the answer for what the server itself got wrong."""
    return ProtocolError(HTTPStatus.INTERNAL_SERVER_ERROR, message, kind="server_error")


def overloaded(retry_after_s: int) -> ProtocolError:
    """Return the answer for a request that has to come back later."""
    return ProtocolError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The model is overloaded.",
        kind="server_error",
        headers={"Retry-After": str(retry_after_s)},
    )


def answer(body: bytes) -> dict[str, Any] | list[dict[str, Any]]:
    """Return what the body of a request asks for: a completion, or the chunks of a streamed one.

    `ProtocolError` refuses it.
    """
    request = _checked(body)
    completion = _completion(request, _digest(body))
    if not request.get("stream"):
        return completion
    options = request.get("stream_options") or {}
    return list(chunks(completion, bool(options.get("include_usage"))))


def _completion(request: Mapping[str, Any], digest: str) -> dict[str, Any]:
    reply = decide(Conversation.of(request))
    message = _message(reply, digest)
    prompt = _token_count([request["messages"], request.get("tools")])
    completion = _token_count(message)
    return {
        "id": f"chatcmpl-{digest}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": "tool_calls" if reply.wishes else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        },
    }


def _message(reply: Reply, digest: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.wishes:
        message["tool_calls"] = [
            {
                "id": f"call_{digest}_{index}",
                "type": "function",
                "function": {"name": wish.tool, "arguments": json.dumps(wish.arguments)},
            }
            for index, wish in enumerate(reply.wishes)
        ]
    return message


def _checked(body: bytes) -> Mapping[str, Any]:
    try:
        request = json.loads(body)
    except ValueError as error:
        raise _bad_request(f"the body is not valid JSON: {error}") from None
    if not isinstance(request, dict):
        raise _bad_request("the body is not an object")
    model = request.get("model")
    if model != MODEL:
        message = f"The model `{model}` does not exist or you do not have access to it."
        raise ProtocolError(HTTPStatus.NOT_FOUND, message, param="model", code="model_not_found")
    if not isinstance(request.get("stream") or False, bool):
        raise _bad_request("`stream` has to be true or false", param="stream")
    if not isinstance(request.get("stream_options") or {}, dict):
        raise _bad_request("`stream_options` has to be an object", param="stream_options")
    _check_messages(request.get("messages"))
    _check_tools(request.get("tools"))
    return request


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list) or not messages:
        raise _bad_request(
            "`messages` has to be a list with at least one message", param="messages"
        )
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise _bad_request(
                f"message {index} has no known role", param=f"messages[{index}].role"
            )
        calls = message.get("tool_calls") or []
        if not isinstance(calls, list) or not all(_is_call(call) for call in calls):
            param = f"messages[{index}].tool_calls"
            raise _bad_request(f"message {index} has a malformed tool call", param=param)


def _check_tools(tools: object) -> None:
    if tools is None:
        return
    if not isinstance(tools, list) or not all(_has_function_name(tool) for tool in tools):
        raise _bad_request("`tools` has to be a list of functions with names", param="tools")


def _is_call(call: object) -> bool:
    return (
        isinstance(call, dict)
        and isinstance(call.get("id"), str)
        and _has_function_name(call)
        and isinstance(call["function"].get("arguments"), str)
    )


def _has_function_name(value: object) -> bool:
    function = value.get("function") if isinstance(value, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _bad_request(message: str, param: str | None = None) -> ProtocolError:
    return ProtocolError(HTTPStatus.BAD_REQUEST, message, param=param)


def _token_count(value: object) -> int:
    """Return about how many tokens a model would see: words and signs."""
    return len(re.findall(r"\w+|[^\w\s]", json.dumps(value)))


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]
