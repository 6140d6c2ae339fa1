"""What a codec is: it turns a provider's requests and responses into an annotated form and back.

Any object with these methods is one. An annotated form is any JSON-shaped object. With a request
codec, LLM request intercepts see the annotated form of the request and may edit it, the request, or
both (S4.11); a response codec annotates the response for observers (S2.8).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from ._native import LLMRequest
else:
    Protocol = object  # Importing typing would cost half of what the whole package may cost.


class LlmCodec(Protocol):
    """A codec for requests."""

    def decode(self, request: LLMRequest) -> Any:
        """The annotated form of a request."""

    def encode(self, annotated: Any, original: LLMRequest) -> LLMRequest:
        """The original request with the edits of its annotated form."""


class LlmResponseCodec(Protocol):
    """A codec for responses."""

    def decode_response(self, response: Any) -> Any:
        """The annotated form of a response."""


__all__ = ["LlmCodec", "LlmResponseCodec"]
