"""An agent: asks the model, runs the tools that it asks for, and asks again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessage, ChatCompletionMessageFunctionToolCall

from scopeflow import GuardrailRejected, ScopeType, scope
from scopeflow import tools as managed_tools

from .tools import Tool

_TURN_LIMIT = 8


class Agent:
    """One role: a name, instructions and tools."""

    def __init__(
        self, client: AsyncOpenAI, model: str, name: str, instructions: str, tools: Sequence[Tool]
    ) -> None:
        self._client = client
        self._model = model
        self._name = name
        self._instructions = instructions
        self._tools = {tool.name: tool for tool in tools}

    async def run(self, task: str) -> str:
        """Work on `task` until the model answers; return the answer."""
        with scope.scope(self._name, ScopeType.Agent, input={"task": task}) as handle:
            answer = await self._converse(task)
            handle.output = {"answer": answer}
            return answer

    async def _converse(self, task: str) -> str:
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": self._instructions},
            {"role": "user", "content": task},
        ]
        for _ in range(_TURN_LIMIT):
            message = await self._ask(messages)
            if not message.tool_calls:
                return message.content or ""
            messages.append(message.model_dump(exclude_none=True))
            # All the tools that the model wants now run at once.
            messages += await asyncio.gather(*(self._call(call) for call in message.tool_calls))
        raise RuntimeError(f"{self._name} has no answer after {_TURN_LIMIT} turns")

    async def _ask(self, messages: list[dict[str, Any]]) -> ChatCompletionMessage:
        request = {
            "model": self._model,
            "messages": list(messages),
            "tools": [tool.declaration() for tool in self._tools.values()],
        }
        with scope.scope("chat.completions", ScopeType.Llm, input=request) as handle:
            response = await self._client.chat.completions.create(**request)
            handle.output = response.model_dump(exclude_none=True)
            return response.choices[0].message

    async def _call(self, call: ChatCompletionMessageFunctionToolCall) -> dict[str, Any]:
        # Whatever goes wrong is told to the model, which decides how to go on.
        try:
            tool = self._tools[call.function.name]
            arguments = json.loads(call.function.arguments)
            content = await managed_tools.execute(
                tool.name, arguments, tool.run, tool_call_id=call.id
            )
        except GuardrailRejected as refusal:
            content = {"refused": refusal.reason}
        except Exception as error:
            content = {"error": f"{type(error).__name__}: {error}"}
        return {"role": "tool", "tool_call_id": call.id, "content": json.dumps(content)}
