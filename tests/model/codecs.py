"""Codecs: the annotated form of requests and responses of LLMs (S4.11, S2.8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import returned_no_request
from .requests import LLMRequest
from .scopes import Context


@dataclass(frozen=True)
class Codec:
    """The host's codec; `act` runs an action of it."""

    act: Callable[[str, Any, Any, Context], Any]  # the action, its input, the annotated form

    def decode(self, what: str, value: Any, context: Context) -> Any:
        """The annotated form of a request or a response; `None` if there is none."""
        return self.act(f"decode_{what}", value, None, context)

    def encode_request(
        self, request: LLMRequest, annotated: Any, target: str, context: Context
    ) -> LLMRequest:
        """The request with the edits of its annotated form; one that cannot be applied is an error
        (S4.11)."""
        encoded = self.act("encode_request", request, annotated, context)
        if not isinstance(encoded, LLMRequest):
            raise returned_no_request("the codec", target)
        return encoded
