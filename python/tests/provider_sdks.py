"""The official SDK of each provider, driven against a loopback server, and what its own parsed
objects say in the words of the common form. An SDK that is not installed is left out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import typing

import pytest

KEY = "not-a-key"


def parsed(arguments):
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def said(parts):
    """One text alone is the text; several parts are those."""
    if len(parts) == 1 and parts[0]["type"] == "text":
        return parts[0]["text"]
    return parts or None


def without_absent(members):
    return {key: value for key, value in members.items() if value is not None}


def in_camel_case(value):
    if isinstance(value, list):
        return [in_camel_case(one) for one in value]
    if not isinstance(value, dict):
        return value
    names = {key: re.sub("_([a-z])", lambda found: found[1].upper(), key) for key in value}
    return {names[key]: in_camel_case(one) for key, one in value.items()}


def counted(members):
    """Buckets of tokens; one that nothing is in is left out."""
    return {key: value for key, value in members.items() if value}


def kinds(union):
    """The values of `type` in the members of a union of models or typed dicts."""
    if typing.get_origin(union) is typing.Annotated:
        union = typing.get_args(union)[0]
    if typing.get_origin(union) is typing.Literal:
        return set(typing.get_args(union))
    if typing.get_args(union):
        return set().union(*(kinds(one) for one in typing.get_args(union)))
    if hasattr(union, "model_fields"):
        field = union.model_fields.get("type")
        return kinds(field.annotation) if field else set()
    of_type = typing.get_type_hints(union).get("type") if isinstance(union, type) else None
    return kinds(of_type) if typing.get_args(of_type) else set()


class Sdk:
    """What they have in common. `spoken` is the payload that a parsed object was made of."""

    provider = ""

    def close(self):
        self.client.close()

    def run(self, work):
        """Runs it in a loop of its own, where the client's connections end too."""

        async def whole():
            try:
                return await work
            finally:
                await self.close_async()

        return asyncio.run(whole())

    async def close_async(self):
        await self.async_client.close()

    def body(self, sent):
        """What the request was, of a body that was sent."""
        return {key: value for key, value in sent.items() if key != "stream"}

    def spoken(self, response):
        return response.to_dict(mode="json")


class OpenAIChat(Sdk):
    provider = "openai_chat"
    package = "openai"

    def __init__(self, url):
        openai = pytest.importorskip("openai", reason="it is the SDK that is compared with")
        options = {"api_key": KEY, "base_url": url + "/v1", "max_retries": 0}
        self.client = openai.OpenAI(**options)
        self.async_client = openai.AsyncOpenAI(**options)

    @staticmethod
    def unions():
        from openai.types import chat

        return chat.ChatCompletion, chat.ChatCompletionChunk, [
            chat.ChatCompletionContentPartParam,
            chat.chat_completion_assistant_message_param.ContentArrayOfContentPart,
            chat.ChatCompletionToolUnionParam,
            chat.ChatCompletionMessageToolCallUnion,
        ]  # fmt: skip

    @staticmethod
    def reasons():
        from openai.types.chat import chat_completion

        return typing.get_args(chat_completion.Choice.model_fields["finish_reason"].annotation)

    def create(self, request):
        return self.client.chat.completions.create(**request)

    def stream(self, request):
        return self.client.chat.completions.create(**request, stream=True)

    async def create_async(self, request):
        return await self.async_client.chat.completions.create(**request)

    async def stream_async(self, request):
        return await self.async_client.chat.completions.create(**request, stream=True)

    def aggregated(self, request):
        """What the SDK itself puts the stream together to."""
        from openai.lib.streaming.chat import ChatCompletionStreamState

        state = ChatCompletionStreamState()
        for chunk in self.stream(request):
            # It refuses a response that was cut, having put it together.
            with contextlib.suppress(Exception):
                state.handle_chunk(chunk)
        return state.current_completion_snapshot

    def annotated(self, completion):
        choice = completion.choices[0]
        message = choice.message
        parts = []
        if message.content is not None:
            parts.append({"type": "text", "text": message.content})
        if message.refusal is not None:
            parts.append({"type": "refusal", "refusal": message.refusal})
        calls = [self.call(call) for call in message.tool_calls or ()]
        if message.function_call is not None:
            old = message.function_call
            calls.append({"name": old.name, "arguments": parsed(old.arguments)})
        return without_absent(
            {
                "id": completion.id,
                "model": completion.model,
                "message": said(parts),
                "tool_calls": calls or None,
                "finish_reason": self.reason(choice.finish_reason),
                "usage": completion.usage and self.usage(completion.usage),
                "token_usage": completion.usage and self.tokens(completion.usage),
            }
        )

    @staticmethod
    def call(call):
        if call.type == "custom":
            return {"id": call.id, "name": call.custom.name, "arguments": call.custom.input}
        function = call.function
        return {"id": call.id, "name": function.name, "arguments": parsed(function.arguments)}

    @staticmethod
    def reason(reason):
        return {
            "stop": "complete",
            "length": "length",
            "tool_calls": "tool_use",
            "function_call": "tool_use",
            "content_filter": "content_filter",
        }[reason]

    @staticmethod
    def usage(usage):
        return {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
            "cache_read_tokens": usage.prompt_tokens_details.cached_tokens,
        }

    @staticmethod
    def tokens(usage):
        asked, answered = usage.prompt_tokens_details, usage.completion_tokens_details
        return counted(
            {
                "input_uncached": usage.prompt_tokens - asked.cached_tokens - asked.audio_tokens,
                "input_audio": asked.audio_tokens,
                "input_cache_read": asked.cached_tokens,
                "output_text": usage.completion_tokens
                - answered.reasoning_tokens
                - answered.audio_tokens,
                "output_reasoning": answered.reasoning_tokens,
                "output_audio": answered.audio_tokens,
            }
        )


class OpenAIResponses(OpenAIChat):
    provider = "openai_responses"

    @staticmethod
    def unions():
        from openai.types import responses

        return responses.Response, responses.ResponseStreamEvent, [
            responses.ResponseInputItemParam,
            responses.ResponseInputContentParam,
            responses.ToolParam,
            responses.ResponseOutputItem,
            responses.ResponseStreamEvent,
            responses.response_output_text.Annotation,
            responses.response_output_message.Content,
        ]  # fmt: skip

    @staticmethod
    def reasons():
        from openai.types.responses import response

        kind = response.IncompleteDetails.model_fields["reason"].annotation
        return kinds(kind) - {None}

    def create(self, request):
        return self.client.responses.create(**request)

    def stream(self, request):
        return self.client.responses.create(**request, stream=True)

    async def create_async(self, request):
        return await self.async_client.responses.create(**request)

    async def stream_async(self, request):
        return await self.async_client.responses.create(**request, stream=True)

    def aggregated(self, request):
        with self.client.responses.stream(**request) as stream:
            last = None
            for event in stream:
                last = getattr(event, "response", last)
        return last

    def annotated(self, response):
        parts = []
        for item in response.output:
            for part in item.content if item.type == "message" else ():
                if part.type == "output_text":
                    parts.append({"type": "text", "text": part.text})
                else:
                    parts.append({"type": "refusal", "refusal": part.refusal})
        calls = [
            {"id": item.call_id, "name": item.name, "arguments": parsed(item.arguments)}
            if item.type == "function_call"
            else {"id": item.call_id, "name": item.name, "arguments": item.input}
            for item in response.output
            if item.type in ("function_call", "custom_tool_call")
        ]
        reason = "tool_use" if calls else "complete"
        if response.status == "incomplete":
            reason = {"max_output_tokens": "length"}.get(
                response.incomplete_details.reason, response.incomplete_details.reason
            )
        elif response.status != "completed":
            reason = {"unknown": response.status}
        return without_absent(
            {
                "id": response.id,
                "model": response.model,
                "message": said(parts),
                "tool_calls": calls or None,
                "finish_reason": reason,
                "usage": response.usage and self.usage(response.usage),
                "token_usage": response.usage and self.tokens(response.usage),
            }
        )

    @staticmethod
    def usage(usage):
        return {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": usage.output_tokens,
            "total_tokens": usage.total_tokens,
            "cache_read_tokens": usage.input_tokens_details.cached_tokens,
        }

    @staticmethod
    def tokens(usage):
        cached = usage.input_tokens_details.cached_tokens
        reasoning = usage.output_tokens_details.reasoning_tokens
        return counted(
            {
                "input_uncached": usage.input_tokens - cached,
                "input_cache_read": cached,
                "output_text": usage.output_tokens - reasoning,
                "output_reasoning": reasoning,
            }
        )


class AnthropicMessages(Sdk):
    provider = "anthropic_messages"
    package = "anthropic"

    def __init__(self, url):
        anthropic = pytest.importorskip("anthropic", reason="it is the SDK that is compared with")
        options = {"api_key": KEY, "base_url": url, "max_retries": 0}
        self.client = anthropic.Anthropic(**options)
        self.async_client = anthropic.AsyncAnthropic(**options)

    @staticmethod
    def unions():
        from anthropic import types

        return types.Message, types.RawMessageStreamEvent, [
            types.ContentBlockParam,
            types.ToolUnionParam,
            types.ToolChoiceParam,
            types.ContentBlock,
            types.TextCitation,
            types.RawMessageStreamEvent,
            types.RawContentBlockDelta,
        ]  # fmt: skip

    @staticmethod
    def reasons():
        from anthropic import types

        return typing.get_args(types.StopReason)

    @staticmethod
    def asked(request):
        """What newer models have no more, and the SDK no argument for, goes beside."""
        gone = {key: request[key] for key in ("temperature", "top_p", "top_k") if key in request}
        return {**{k: v for k, v in request.items() if k not in gone}, "extra_body": gone}

    def create(self, request):
        return self.client.messages.create(**self.asked(request))

    def stream(self, request):
        return self.client.messages.create(**self.asked(request), stream=True)

    async def create_async(self, request):
        return await self.async_client.messages.create(**self.asked(request))

    async def stream_async(self, request):
        return await self.async_client.messages.create(**self.asked(request), stream=True)

    def aggregated(self, request):
        with self.client.messages.stream(**self.asked(request)) as stream:
            return stream.get_final_message()

    def annotated(self, message):
        texts = [block for block in message.content if block.type == "text"]
        calls = [
            {"id": block.id, "name": block.name, "arguments": block.input}
            for block in message.content
            if block.type == "tool_use"
        ]
        return without_absent(
            {
                "id": message.id,
                "model": message.model,
                "message": said([{"type": "text", "text": block.text} for block in texts]),
                "tool_calls": calls or None,
                "finish_reason": self.reason(message.stop_reason),
                "usage": self.usage(message.usage),
                "token_usage": self.tokens(message.usage),
            }
        )

    @staticmethod
    def reason(reason):
        return {
            "end_turn": "complete",
            "stop_sequence": "complete",
            "max_tokens": "length",
            "model_context_window_exceeded": "length",
            "tool_use": "tool_use",
            "refusal": "content_filter",
        }.get(reason, {"unknown": reason})

    @staticmethod
    def usage(usage):
        read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
        prompt = usage.input_tokens + read + written
        return {
            "prompt_tokens": prompt,
            "completion_tokens": usage.output_tokens,
            "total_tokens": prompt + usage.output_tokens,
            "cache_read_tokens": read,
            "cache_write_tokens": written,
        }

    @staticmethod
    def tokens(usage):
        written = usage.cache_creation
        return counted(
            {
                "input_uncached": usage.input_tokens,
                "input_cache_read": usage.cache_read_input_tokens,
                "input_cache_write_5m": written and written.ephemeral_5m_input_tokens,
                "input_cache_write_1h": written and written.ephemeral_1h_input_tokens,
                "output_text": usage.output_tokens,
            }
        )


class GeminiGenerateContent(Sdk):
    provider = "gemini_generate_content"

    def __init__(self, url):
        genai = pytest.importorskip("google.genai", reason="it is the SDK that is compared with")
        self.types = genai.types
        self.client = genai.Client(api_key=KEY, http_options={"base_url": url})

    async def close_async(self):
        await self.client.aio.aclose()

    def body(self, sent):
        """The SDK mixes both spellings of JSON that the interface takes, and says nothing where
        it means nothing."""
        return {key: value for key, value in in_camel_case(sent).items() if value != {}}

    def spoken(self, response):
        own = {"sdk_http_response", "automatic_function_calling_history", "parsed"}
        return response.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=own)

    def unions(self):
        types = self.types
        return types.GenerateContentResponse, types.GenerateContentResponse, []

    def reasons(self):
        return {reason.value for reason in self.types.FinishReason}

    def asked(self, request):
        """The arguments of the SDK for what goes over the wire."""
        config = dict(request.get("generationConfig", {}))
        beside = ("systemInstruction", "tools", "toolConfig", "safetySettings")
        config.update({key: request[key] for key in beside if key in request})
        return {
            "model": "gemini-2.5-flash",
            "contents": request["contents"],
            "config": self.types.GenerateContentConfig.model_validate(config),
        }

    def create(self, request):
        return self.client.models.generate_content(**self.asked(request))

    def stream(self, request):
        return self.client.models.generate_content_stream(**self.asked(request))

    async def create_async(self, request):
        return await self.client.aio.models.generate_content(**self.asked(request))

    async def stream_async(self, request):
        return await self.client.aio.models.generate_content_stream(**self.asked(request))

    def aggregated(self, request):
        """The SDK puts no stream together; what it gives without streaming is the same."""
        return self.create(request)

    def annotated(self, response):
        candidate = response.candidates[0] if response.candidates else None
        parts = candidate.content.parts if candidate else []
        texts = [part.text for part in parts if part.text is not None and not part.thought]
        calls = [
            without_absent({"id": call.id, "name": call.name, "arguments": call.args})
            for call in (part.function_call for part in parts)
            if call is not None
        ]
        return without_absent(
            {
                "id": response.response_id,
                "model": response.model_version,
                "message": said([{"type": "text", "text": text} for text in texts]),
                "tool_calls": calls or None,
                "finish_reason": self.reason(candidate, calls),
                "usage": self.usage(response.usage_metadata),
                "token_usage": self.tokens(response.usage_metadata),
            }
        )

    @staticmethod
    def reason(candidate, calls):
        if candidate is None:
            return "content_filter"
        reason = candidate.finish_reason.value
        if reason == "STOP":
            return "tool_use" if calls else "complete"
        return {"MAX_TOKENS": "length"}[reason]

    @staticmethod
    def usage(usage):
        prompt = usage.prompt_token_count + (usage.tool_use_prompt_token_count or 0)
        answered = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        return without_absent(
            {
                "prompt_tokens": prompt,
                "completion_tokens": answered,
                "total_tokens": usage.total_token_count,
                "cache_read_tokens": usage.cached_content_token_count,
            }
        )

    @staticmethod
    def tokens(usage):
        audio = sum(
            one.token_count
            for one in usage.prompt_tokens_details or ()
            if one.modality.value == "AUDIO"
        )
        cached = usage.cached_content_token_count or 0
        prompt = usage.prompt_token_count + (usage.tool_use_prompt_token_count or 0)
        return counted(
            {
                "input_uncached": prompt - cached - audio,
                "input_audio": audio,
                "input_cache_read": cached,
                "output_text": usage.candidates_token_count,
                "output_reasoning": usage.thoughts_token_count,
            }
        )


SDKS = (OpenAIChat, OpenAIResponses, AnthropicMessages, GeminiGenerateContent)
