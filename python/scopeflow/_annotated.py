"""Requests and responses in a form that does not depend on the provider: what codecs make."""

from __future__ import annotations

from ._forms import RequestMembers, ResponseMembers
from ._views import as_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any


class AnnotatedLLMRequest(RequestMembers):
    """A request to a language model in a form that does not depend on the provider.

    messages: The messages, objects with `role` and `content`.
    instructions: What stands beside the messages where the provider has such a place.
    model: The name of the model.
    params: Parameters, such as `temperature`.
    tools: Definitions of tools.
    tool_choice: Which tool to use: `auto`, `none`, `required`, or an object.
    api_specific: What only one provider's interface has.
    extra: Other members.

    It is a dict of these members, and has each as an attribute, which is None where it is absent;
    so have the objects in it, such as messages and their parts, which are the classes of this
    module. Raises TypeError for what is not of its kind, InvalidArgument for an extra member that
    has a name above.

    >>> request = AnnotatedLLMRequest([{"role": "user", "content": "hi"}], model="gpt-4o")
    >>> request.model, request.tools
    ('gpt-4o', None)
    >>> request
    AnnotatedLLMRequest({'messages': [{'role': 'user', 'content': 'hi'}], 'model': 'gpt-4o'})
    >>> request.messages[-1].content = "hello"
    >>> request["messages"]
    [{'role': 'user', 'content': 'hello'}]
    """

    __slots__ = ()

    def __init__(
        self,
        messages: Iterable[Mapping[str, Any]],
        *,
        instructions: Any = None,
        model: str | None = None,
        params: Mapping[str, Any] | None = None,
        tools: Iterable[Mapping[str, Any]] | None = None,
        tool_choice: str | Mapping[str, Any] | None = None,
        api_specific: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.messages = _objects("messages", messages)
        self.instructions = instructions
        self.model = _text("model", model)
        self.params = as_object("params", params)
        self.tools = None if tools is None else _objects("tools", tools)
        self.tool_choice = tool_choice
        self.api_specific = as_object("api_specific", api_specific)
        self.extra = extra or {}

    def system_prompt(self) -> str | None:
        """The text of the first system message, else that of the instructions, else None.

        >>> AnnotatedLLMRequest([{"role": "system", "content": "Be brief."}]).system_prompt()
        'Be brief.'
        """
        for message in self.messages or ():
            if message.get("role") == "system":
                return _text_of(message.get("content"))
        return _text_of(self.instructions)

    def last_user_message(self) -> str | None:
        """The text of the last message of the user, or None.

        >>> AnnotatedLLMRequest([{"role": "user", "content": "hi"}]).last_user_message()
        'hi'
        """
        for message in reversed(self.messages or ()):
            if message.get("role") == "user":
                return _text_of(message.get("content"))
        return None

    def has_tool_calls(self) -> bool:
        """Whether a message calls a tool.

        >>> message = {"role": "assistant", "tool_calls": [{"id": "c1", "name": "search"}]}
        >>> AnnotatedLLMRequest([message]).has_tool_calls()
        True
        """
        return any(message.get("tool_calls") for message in self.messages or ())

    def __repr__(self) -> str:
        return f"AnnotatedLLMRequest({dict(self)!r})"


class AnnotatedLLMResponse(ResponseMembers):
    """A response of a language model in a form that does not depend on the provider.

    id: The provider's id of the response.
    model: The name of the model.
    message: What it says: a text, or parts.
    tool_calls: The calls of tools that it asks for, objects with `id`, `name` and `arguments`.
    finish_reason: Why it ended: `complete`, `length`, `tool_use`, `content_filter`, or an object.
    usage: Tokens, an object with `prompt_tokens`, `completion_tokens` and the like. The prompt is
        all that went in, from a cache or not. `cost` is what it has cost, where the provider says
        so or `use_prices` has told the prices.
    token_usage: Every token once, by what it was for: `input_uncached`, `input_cache_read`,
        `input_cache_write_5m`, `output_text`, `output_reasoning` and so on; `raw` is what the
        provider says.
    api_specific: What only one provider's interface has.
    extra: Other members.

    It is a dict of these members, and has each as an attribute, which is None where it is absent.
    Raises TypeError for what is not of its kind, InvalidArgument for an extra member that has a
    name above.

    >>> response = AnnotatedLLMResponse(model="gpt-4o", message="hello", finish_reason="complete")
    >>> response["message"], response.usage
    ('hello', None)
    """

    __slots__ = ()

    def __init__(
        self,
        id: str | None = None,
        model: str | None = None,
        message: Any = None,
        tool_calls: Iterable[Mapping[str, Any]] | None = None,
        finish_reason: str | Mapping[str, Any] | None = None,
        usage: Mapping[str, Any] | None = None,
        api_specific: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.id = _text("id", id)
        self.model = _text("model", model)
        self.message = message
        self.tool_calls = None if tool_calls is None else _objects("tool_calls", tool_calls)
        self.finish_reason = finish_reason
        self.usage = as_object("usage", usage)
        self.api_specific = as_object("api_specific", api_specific)
        self.extra = extra or {}

    def response_text(self) -> str | None:
        """What it says, or None where there is no text.

        >>> parts = [{"type": "text", "text": "hello"}, {"type": "image"}]
        >>> AnnotatedLLMResponse(message=parts).response_text()
        'hello'
        """
        return _text_of(self.message)

    def has_tool_calls(self) -> bool:
        """Whether it calls a tool.

        >>> AnnotatedLLMResponse(tool_calls=[{"id": "c1", "name": "search"}]).has_tool_calls()
        True
        """
        return bool(self.tool_calls)

    def __repr__(self) -> str:
        return f"AnnotatedLLMResponse({dict(self)!r})"


def _text_of(content: Any) -> str | None:
    """A message's content as a text: the texts of its parts, one to a line."""
    if isinstance(content, dict):
        content = content.get("content", content.get("text"))
    if content is None or isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    found = [text for text in texts if isinstance(text, str)]
    return "\n".join(found) if found else None


def _text(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} must be str or None, not {type(value).__name__}")
    return value


def _objects(name: str, values: Any) -> list[Any]:
    if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a list of objects, not {type(values).__name__}")
    return [as_object(f"{name}[{at}]", value) or {} for at, value in enumerate(values)]
