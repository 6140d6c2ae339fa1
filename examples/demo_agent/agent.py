"""An agent: asks the model, runs the tools that it asks for, and asks again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from openai.types.chat import ChatCompletionMessageFunctionToolCall

from scopeflow import GuardrailRejected, ScopeType, scope
from scopeflow import tools as managed_tools

from .chat import Chat, Say
from .tools import Tool

_TURN_LIMIT = 8


class Agent:
    """One role: a name, instructions and tools."""

    def __init__(
        self,
        name: str,
        instructions: str,
        tools: Sequence[Tool],
        chat: Chat,
        say: Say | None = None,
    ) -> None:
        self._name = name
        self._instructions = instructions
        self._tools = {tool.name: tool for tool in tools}
        self._chat = chat
        self._say = say
        """Gets the answer while the model still writes it."""

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
        declarations = [tool.declaration() for tool in self._tools.values()]
        for _ in range(_TURN_LIMIT):
            message = await self._chat.ask(messages, declarations, self._say)
            if not message.tool_calls:
                return message.content or ""
            messages.append(message.model_dump(exclude_none=True))
            # All the tools that the model wants now run at once.
            calls = [call for call in message.tool_calls if call.type == "function"]
            messages += await asyncio.gather(*map(self._call, calls))
        raise RuntimeError(f"{self._name} has no answer after {_TURN_LIMIT} turns")

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
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return {"role": "tool", "tool_call_id": call.id, "content": text}
