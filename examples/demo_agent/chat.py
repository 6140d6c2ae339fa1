"""The model as the agents see it: each request is a managed call of the runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from openai import AsyncOpenAI
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionMessage

from scopeflow import LLMRequest, llm

_NAME = "chat.completions"
_CODEC = "openai_chat"
"""Whose responses they are: observers get each in the common form, tokens included."""

Say = Callable[[str], None]
"""What gets a text piece by piece."""


class Chat:
    """A model behind a server that speaks OpenAI's protocol."""

    def __init__(self, client: AsyncOpenAI, model: str, api_key: str) -> None:
        self._client = client
        self._model = model
        self._api_key = api_key

    async def ask(
        self, messages: Sequence[Any], tools: Sequence[Any], say: Say | None = None
    ) -> ChatCompletionMessage:
        """Return the model's next message. With `say` it is streamed: its text is said as it comes.

        The API key goes with the request, and into no event: the runtime removes such headers.
        """
        headers = {"Authorization": f"Bearer {self._api_key}"}
        content: dict[str, Any] = {"model": self._model, "messages": [*messages], "tools": tools}
        if say is None:
            completion = await self._complete(LLMRequest(headers, content))
        else:
            content |= {"stream": True, "stream_options": {"include_usage": True}}
            completion = await self._stream(LLMRequest(headers, content), say)
        return completion.choices[0].message

    async def _complete(self, request: LLMRequest) -> ChatCompletion:
        completion: ChatCompletion = await llm.execute(
            _NAME, request, self._create, model_name=self._model, response_codec=_CODEC
        )
        return completion

    async def _stream(self, request: LLMRequest, say: Say) -> ChatCompletion:
        answer: ChatCompletionStreamState[None] = ChatCompletionStreamState()

        def joined() -> ChatCompletion:
            return answer.current_completion_snapshot

        # The end event gets what the chunks make up: the whole message, with its usage.
        stream = await llm.stream_execute(
            _NAME, request, self._create, answer.handle_chunk, joined,
            model_name=self._model, response_codec=_CODEC,
        )  # fmt: skip
        async with stream:
            async for chunk in stream:
                for choice in chunk.choices:
                    say(choice.delta.content or "")
        return joined()

    async def _create(self, request: LLMRequest) -> Any:
        return await self._client.chat.completions.create(
            **request.content, extra_headers=request.headers
        )
