"""What a codec is: it turns a provider's requests and responses into an annotated form and back.

Any object with these methods is one. With a request codec, LLM request intercepts see the annotated
form of the request and may edit it, the request, or both (S4.11); a response codec annotates the
response for observers (S2.8). An annotated form is any JSON-shaped object; the classes here have
the members on which the peers' codecs agree.

>>> class ChatCodec:
...     def decode(self, request):
...         return AnnotatedLLMRequest(request.content["messages"])
...     def encode(self, annotated, original):
...         content = {**original.content, "messages": annotated["messages"]}
...         return LLMRequest(original.headers, content)
>>> request = LLMRequest({}, {"messages": [{"role": "user", "content": "hi"}]})
>>> with testing.capture() as events:
...     llm.execute_sync("openai", request, lambda request: "hello", codec=ChatCodec())
'hello'
>>> events.find("openai", phase="start").annotated_request.last_user_message()
'hi'
"""

from __future__ import annotations

from ._annotated import AnnotatedLLMRequest, AnnotatedLLMResponse
from ._forms import (
    CalledFunction,
    ContentPart,
    Cost,
    GenerationParams,
    Message,
    MessageToolCall,
    ResponseToolCall,
    TokenUsage,
    ToolDefinition,
    ToolFunction,
    Usage,
)
from ._native import (
    CodecId,
    InvalidArgument,
    LLMRequest,
    changed_request_edits,
    decode_request,
    decode_response,
    default_runtime,
    know_core_codec,
    output_value,
    request_edits,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol
else:
    Protocol = object  # Importing typing would cost half of what the whole package may cost.


class LlmCodec(Protocol):
    """A codec for requests.

    >>> class ChatCodec:
    ...     def decode(self, request):
    ...         return AnnotatedLLMRequest(request.content["messages"])
    ...     def encode(self, annotated, original):
    ...         content = {**original.content, "messages": annotated["messages"]}
    ...         return LLMRequest(original.headers, content)
    >>> def polite(name, request, annotated):
    ...     annotated.messages = [{"role": "system", "content": "Be kind."}, *annotated.messages]
    ...     return request, annotated
    >>> with intercepts.llm_request("polite", 10, False, polite):
    ...     llm.execute_sync(
    ...         "openai", LLMRequest({}, {"messages": []}), lambda r: r.content, codec=ChatCodec()
    ...     )
    {'messages': [{'role': 'system', 'content': 'Be kind.'}]}
    """

    def decode(self, request: LLMRequest) -> Any:
        """The annotated form of a request, any JSON-shaped object.

        request: The LLMRequest, which is not to be changed.

        What it raises fails the call, with a note that says whose it is.

        >>> class ChatCodec(codecs.LlmCodec):
        ...     def decode(self, request):
        ...         return AnnotatedLLMRequest(request.content["messages"])
        >>> ChatCodec().decode(LLMRequest({}, {"messages": []})).messages
        []
        """

    def encode(self, annotated: Any, original: LLMRequest) -> LLMRequest:
        """The original request with the edits of its annotated form, an LLMRequest.

        annotated: The annotated form as the intercepts left it.
        original: The LLMRequest as they left it.

        An edit that cannot be applied is to be raised; it fails the call (S4.11).

        >>> class ChatCodec(codecs.LlmCodec):
        ...     def encode(self, annotated, original):
        ...         content = {**original.content, "messages": annotated["messages"]}
        ...         return LLMRequest(original.headers, content)
        >>> ChatCodec().encode({"messages": []}, LLMRequest({}, {"model": "gpt-4o"})).content
        {'model': 'gpt-4o', 'messages': []}
        """
        raise NotImplementedError


class LlmResponseCodec(Protocol):
    """A codec for responses.

    >>> class ChatCodec:
    ...     def decode_response(self, response):
    ...         return AnnotatedLLMResponse(message=response["text"])
    >>> with testing.capture() as events:
    ...     answer = llm.execute_sync(
    ...         "openai", LLMRequest({}, {}), lambda r: {"text": "hi"}, response_codec=ChatCodec()
    ...     )
    >>> events.find("openai", phase="end").annotated_response.message
    'hi'
    """

    def decode_response(self, response: Any) -> Any:
        """The annotated form of a response, any JSON-shaped object.

        response: What the model gave, as observers see it.

        What it raises is logged, and the response goes without one.

        >>> class ChatCodec(codecs.LlmResponseCodec):
        ...     def decode_response(self, response):
        ...         return AnnotatedLLMResponse(message=response["text"])
        >>> ChatCodec().decode_response({"text": "hello"}).message
        'hello'
        """


# --- Codecs of providers ---


class _BuiltinCodec(LlmCodec, LlmResponseCodec):
    """What those of all providers do, by the core."""

    CODEC: CodecId

    def decode(self, request: LLMRequest) -> AnnotatedLLMRequest:
        """The annotated form of a request.

        request: The LLMRequest. Members that the common form does not know ride along.

        Raises InvalidArgument for a content that is no object.

        >>> request = LLMRequest({}, {"messages": [], "max_completion_tokens": 9})
        >>> codecs.OpenAIChatCodec().decode(request).params
        {'max_tokens': 9}
        """
        found = decode_request(self.CODEC.value, request.content)
        return AnnotatedLLMRequest.from_dict(found)

    def encode(self, annotated: Mapping[str, Any], original: LLMRequest) -> LLMRequest:
        """The request with the edits of its annotated form.

        annotated: The annotated form as it is to be.
        original: The LLMRequest, which is left as it is.

        Returns the original itself where nothing was edited; else one in which everything that was
        not edited is the very object that it was. Raises InvalidArgument, with the path, for an
        edit that the provider cannot carry.

        >>> codec = codecs.AnthropicMessagesCodec()
        >>> request = LLMRequest({}, {"max_tokens": 9, "messages": [], "new_in_2027": True})
        >>> annotated = codec.decode(request)
        >>> annotated.instructions = "Be brief."
        >>> codec.encode(annotated, request).content
        {'max_tokens': 9, 'messages': [], 'new_in_2027': True, 'system': 'Be brief.'}
        """
        return _with_edits(original, request_edits(self.CODEC.value, annotated, original.content))

    def _encode_changed(
        self, annotated: Mapping[str, Any], request: LLMRequest, decoded: LLMRequest
    ) -> LLMRequest:
        """The same for a request that was edited itself since `decoded` was decoded (S4.11)."""
        edits = changed_request_edits(self.CODEC.value, annotated, decoded.content, request.content)
        return _with_edits(request, edits)

    def decode_response(self, response: Any) -> AnnotatedLLMResponse:
        """The annotated form of a response, also of one that a stream was aggregated to.

        response: What the provider gave, as JSON-shaped objects or the SDK's model.

        Raises InvalidArgument for what has nothing of such a response.

        >>> response = {"candidates": [{"content": {"parts": [{"text": "hi"}]}}]}
        >>> codecs.GeminiGenerateContentCodec().decode_response(response).message
        'hi'
        """
        return AnnotatedLLMResponse.from_dict(decode_response(self.CODEC.value, response))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class OpenAIChatCodec(_BuiltinCodec):
    """For OpenAI Chat Completions and what is compatible with it.

    >>> request = LLMRequest({}, {"model": "gpt-4o", "messages": []})
    >>> codecs.OpenAIChatCodec().decode(request).model
    'gpt-4o'
    """

    CODEC = CodecId.OpenaiChat


class OpenAIResponsesCodec(_BuiltinCodec):
    """For OpenAI Responses.

    >>> request = LLMRequest({}, {"input": "hi"})
    >>> codecs.OpenAIResponsesCodec().decode(request).messages
    [{'role': 'user', 'content': 'hi'}]
    """

    CODEC = CodecId.OpenaiResponses


class AnthropicMessagesCodec(_BuiltinCodec):
    """For Anthropic Messages.

    >>> request = LLMRequest({}, {"messages": [], "tool_choice": {"type": "any"}})
    >>> codecs.AnthropicMessagesCodec().decode(request).tool_choice
    'required'
    """

    CODEC = CodecId.AnthropicMessages


class GeminiGenerateContentCodec(_BuiltinCodec):
    """For Gemini generateContent.

    >>> request = LLMRequest({}, {"contents": [], "generationConfig": {"topP": 0.5}})
    >>> codecs.GeminiGenerateContentCodec().decode(request).params
    {'top_p': 0.5}
    """

    CODEC = CodecId.GeminiGenerateContent


class AutoCodec(LlmCodec, LlmResponseCodec):
    """Whichever codec a payload is of, told by the payload; `codec="auto"` of a call is one. A
    payload that none knows goes without an annotated form, which the first one is logged for.

    >>> codecs.AutoCodec().decode(LLMRequest({}, {"input": "hi"})).last_user_message()
    'hi'
    """

    def decode(self, request: LLMRequest) -> AnnotatedLLMRequest | None:
        """The annotated form of a request, None where no codec knows it.

        request: The LLMRequest.

        >>> codecs.AutoCodec().decode(LLMRequest({}, {"prompt": "hi"})) is None
        True
        """
        codec = _by_id(default_runtime.codec_detect_request(request.content))
        return None if codec is None else codec.decode(request)

    def encode(self, annotated: Mapping[str, Any], original: LLMRequest) -> LLMRequest:
        """The request with the edits of its annotated form.

        annotated: The annotated form as it is to be.
        original: The LLMRequest.

        Raises InvalidArgument for an edit that the provider cannot carry, and where no codec knows
        the request.

        >>> codec = codecs.AutoCodec()
        >>> request = LLMRequest({}, {"input": "hi"})
        >>> codec.encode(codec.decode(request), request) is request
        True
        """
        return _of_request(original).encode(annotated, original)

    def _encode_changed(
        self, annotated: Mapping[str, Any], request: LLMRequest, decoded: LLMRequest
    ) -> LLMRequest:
        return _of_request(decoded)._encode_changed(annotated, request, decoded)

    def decode_response(self, response: Any) -> AnnotatedLLMResponse | None:
        """The annotated form of a response, None where no codec knows it.

        response: What the provider gave.

        >>> codecs.AutoCodec().decode_response("hello") is None
        True
        """
        codec = _by_id(default_runtime.codec_detect_response(response))
        return None if codec is None else codec.decode_response(response)

    def __repr__(self) -> str:
        return "AutoCodec()"


class AutoStreamingCodec:
    """Puts the chunks of a stream together to what the response would have been without streaming:
    the collector and the finalizer of a streaming call, whose response codec then decodes it. This
    one tells by the first chunk whose stream it is. For one stream and one thread at a time.

    >>> async def produce(request):
    ...     for text in ("Hel", "lo"):
    ...         yield {"choices": [{"index": 0, "delta": {"content": text}}]}
    >>> codec = codecs.AutoStreamingCodec()
    >>> with testing.capture() as events:
    ...     async with await llm.stream_execute(
    ...         "openai", LLMRequest({}, {}), produce, codec.collector(), codec.finalizer(),
    ...         response_codec="auto",
    ...     ) as chunks:
    ...         async for chunk in chunks:
    ...             pass
    >>> events.find("openai", phase="end").annotated_response.message
    'Hello'
    """

    CODEC = CodecId.Auto

    def __init__(self) -> None:
        self._stream = default_runtime.codec_stream_new(default_runtime, self.CODEC)

    def collector(self) -> Callable[[Any], None]:
        """What takes each chunk: the JSON of one event of the transport, or the SDK's model of it.

        Raises LimitExceeded for a stream that needs more than 256 MiB.

        >>> codecs.OpenAIChatStreamingCodec().collector()({"choices": []})
        """
        from functools import partial

        return partial(default_runtime.codec_stream_feed, self._stream)

    def finalizer(self) -> Callable[[], dict[str, Any]]:
        """What gives the response as far as it has come, once.

        Raises InvalidState the second time.

        >>> codec = codecs.OpenAIResponsesStreamingCodec()
        >>> codec.collector()({"type": "response.completed", "response": {"output": []}})
        >>> codec.finalizer()()
        {'output': []}
        """
        return lambda: output_value(default_runtime.codec_stream_finish(self._stream))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class OpenAIChatStreamingCodec(AutoStreamingCodec):
    """For the chunks of OpenAI Chat Completions.

    >>> codec = codecs.OpenAIChatStreamingCodec()
    >>> collect = codec.collector()
    >>> for text in ("he", "llo"):
    ...     collect({"choices": [{"index": 0, "delta": {"content": text}}]})
    >>> codec.finalizer()()
    {'choices': [{'index': 0, 'message': {'content': 'hello'}}]}
    """

    CODEC = CodecId.OpenaiChat


class OpenAIResponsesStreamingCodec(AutoStreamingCodec):
    """For the events of OpenAI Responses.

    >>> codec = codecs.OpenAIResponsesStreamingCodec()
    >>> collect = codec.collector()
    >>> collect({"type": "response.output_text.delta", "output_index": 0, "delta": "hi"})
    >>> codec.finalizer()()
    {'output': [{'content': [{'text': 'hi'}]}]}
    """

    CODEC = CodecId.OpenaiResponses


class AnthropicMessagesStreamingCodec(AutoStreamingCodec):
    """For the events of Anthropic Messages.

    >>> codec = codecs.AnthropicMessagesStreamingCodec()
    >>> collect = codec.collector()
    >>> collect({"type": "content_block_start", "index": 0, "content_block": {"type": "text"}})
    >>> delta = {"type": "text_delta", "text": "hi"}
    >>> collect({"type": "content_block_delta", "index": 0, "delta": delta})
    >>> codec.finalizer()()
    {'content': [{'type': 'text', 'text': 'hi'}]}
    """

    CODEC = CodecId.AnthropicMessages


class GeminiGenerateContentStreamingCodec(AutoStreamingCodec):
    """For the chunks of Gemini generateContent.

    >>> codec = codecs.GeminiGenerateContentStreamingCodec()
    >>> codec.collector()({"responseId": "r"})
    >>> codec.finalizer()()
    {'responseId': 'r'}
    """

    CODEC = CodecId.GeminiGenerateContent


_BUILTIN: dict[str, _BuiltinCodec] = {
    "openai_chat": OpenAIChatCodec(),
    "openai_responses": OpenAIResponsesCodec(),
    "anthropic_messages": AnthropicMessagesCodec(),
    "gemini_generate_content": GeminiGenerateContentCodec(),
}
_BY_ID = {codec.CODEC: codec for codec in _BUILTIN.values()}


def _by_id(codec: CodecId) -> _BuiltinCodec | None:
    return _BY_ID.get(codec)


def _of_request(request: LLMRequest) -> _BuiltinCodec:
    codec = _by_id(default_runtime.codec_detect_request(request.content))
    if codec is None:
        raise InvalidArgument("invalid argument: no codec knows such a request")
    return codec


def use_prices(*catalogues: Mapping[str, Any] | str | os.PathLike[str]) -> None:
    """Says what models cost, for `usage["cost"]` of the responses that are decoded from now on.

    catalogues: Each an object, or the path of a JSON file; of several that have a model the first
        one counts. None at all take the prices away.

    A catalogue has `entries` with `provider`, `model_id`, `aliases`, `currency` (USD), and `rates`
    per million tokens: `input_per_million`, `output_per_million`, `cache_read_per_million`,
    `cache_write_per_million`, `cache_write_1h_per_million`, `input_audio_per_million` and
    `output_audio_per_million`; or `rate_schedule`, whose `tiers` have `rates` each, by the tokens
    of the prompt. What the provider says that a response has cost stands; tokens without a rate
    give no `total`. examples/prices.json is one.

    Raises InvalidArgument with the path of what is wrong, OSError for a file that cannot be read.

    >>> rates = {"input_per_million": 2.5, "output_per_million": 10}
    >>> codecs.use_prices({"entries": [{"provider": "a", "model_id": "m", "rates": rates}]})
    >>> usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    >>> response = {"model": "m", "choices": [], "usage": usage}
    >>> codecs.OpenAIChatCodec().decode_response(response).usage["cost"]["total"]
    0.0035
    >>> codecs.use_prices()
    """
    default_runtime.codec_set_prices([_catalogue(given) for given in catalogues] or None)


def _catalogue(given: Mapping[str, Any] | str | os.PathLike[str]) -> Any:
    if hasattr(given, "keys"):
        return given
    import json

    with open(given, encoding="utf-8") as file:
        try:
            return json.load(file)
        except ValueError as error:
            raise InvalidArgument(f"invalid argument: prices in {given!r}: {error}") from None


def by_name(name: str) -> LlmCodec:
    """The codec of a name: `auto`, `openai_chat`, `openai_responses`, `anthropic_messages` or
    `gemini_generate_content`; what `codec="auto"` of a call means.

    name: The name.

    Raises InvalidArgument for another one.

    >>> codecs.by_name("openai_chat")
    OpenAIChatCodec()
    """
    known: dict[str, Any] = {"auto": _AUTO, **_BUILTIN}
    if name not in known:
        names = ", ".join(known)
        raise InvalidArgument(f"invalid argument: codec is {name!r}, not one of {names}")
    found: LlmCodec = known[name]
    return found


_AUTO = AutoCodec()

know_core_codec(AutoCodec, CodecId.Auto.value)
for _codec in _BUILTIN.values():
    know_core_codec(type(_codec), _codec.CODEC.value)


def _with_edits(request: LLMRequest, edits: list[list[Any]]) -> LLMRequest:
    return LLMRequest(request.headers, _edited(request.content, edits)) if edits else request


def _edited(content: Any, edits: list[list[Any]]) -> Any:
    """The content with edits of the core, applied in order; what is on the way to one is copied."""
    root = dict(content)
    copied = {id(root): root}
    for path, kind, *value in edits:
        at: Any = root
        for step in path[:-1]:
            if id(at[step]) not in copied:
                at[step] = _copied(at[step], path)
                copied[id(at[step])] = at[step]
            at = at[step]
        if kind == "set":
            at[path[-1]] = value[0]
        elif kind == "insert":
            at.insert(path[-1], value[0])
        else:
            del at[path[-1]]
    return root


def _copied(container: Any, path: list[Any]) -> Any:
    """A copy of what an edit is in: a model or a dataclass becomes the object it stands for."""
    if hasattr(container, "model_dump"):
        container = container.model_dump()
    elif hasattr(container, "__dataclass_fields__"):
        container = {name: getattr(container, name) for name in container.__dataclass_fields__}
    if hasattr(container, "keys"):
        return dict(container)
    if isinstance(container, (list, tuple)):
        return list(container)
    raise InvalidArgument(f"invalid argument: {path} is inside of a {type(container).__name__}")


__all__ = [
    "AnnotatedLLMRequest",
    "AnnotatedLLMResponse",
    "AnthropicMessagesCodec",
    "AnthropicMessagesStreamingCodec",
    "AutoCodec",
    "AutoStreamingCodec",
    "CalledFunction",
    "CodecId",
    "ContentPart",
    "Cost",
    "GeminiGenerateContentCodec",
    "GeminiGenerateContentStreamingCodec",
    "GenerationParams",
    "LlmCodec",
    "LlmResponseCodec",
    "Message",
    "MessageToolCall",
    "OpenAIChatCodec",
    "OpenAIChatStreamingCodec",
    "OpenAIResponsesCodec",
    "OpenAIResponsesStreamingCodec",
    "ResponseToolCall",
    "TokenUsage",
    "ToolDefinition",
    "ToolFunction",
    "Usage",
    "by_name",
    "use_prices",
]
