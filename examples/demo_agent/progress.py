"""Progress, shown while the agents work: events by a subscriber, the answer as it is streamed."""

from __future__ import annotations

import threading
import time
from typing import TextIO

from scopeflow import AnnotatedLLMResponse, Event

_INDENT = 24


class Progress:
    """Prints a line for each event: when, in whose work, what began, ended or was refused."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._began_at_s = time.monotonic()
        self._agents: dict[str, str] = {}
        """Name of the agent that a scope belongs to, by the scope's uuid."""
        self._is_within_line = False
        self._lock = threading.Lock()

    def say(self, piece: str) -> None:
        """Show a piece of the answer, on a line that goes on until the next event."""
        with self._lock:
            if piece:
                indent = "" if self._is_within_line else " " * _INDENT
                print(indent + piece, end="", file=self._out, flush=True)
                self._is_within_line = True

    def __call__(self, event: Event) -> None:
        # Subscribers may be called by several threads at once (S5.1).
        with self._lock:
            agent = self._agent(event)
            elapsed_s = time.monotonic() - self._began_at_s
            line = f"{elapsed_s:7.3f} s  {agent:<12} {_text(event)}"
            print("\n" * self._is_within_line + line, file=self._out, flush=True)
            self._is_within_line = False

    def _agent(self, event: Event) -> str:
        agent = self._agents.get(event.parent_uuid or "", "")
        if event.kind == "scope" and event.category == "agent":
            agent = event.name
        if event.scope_category == "start":
            self._agents[event.uuid] = agent
        elif event.scope_category == "end":
            self._agents.pop(event.uuid, None)
        return agent


def _text(event: Event) -> str:
    if event.kind == "mark":
        reason = event.data.get("rejection_reason") if isinstance(event.data, dict) else None
        return f"! {event.name}" + (f" refused: {reason}" if reason else "")
    if event.scope_category == "start":
        return f"> {event.category} {event.name}"
    status = (event.metadata or {}).get("otel.status_code", "")
    return f"< {event.category} {event.name} {status}{_tokens(event)}".rstrip()


def _tokens(event: Event) -> str:
    response = event.annotated_response
    usage = response.usage if isinstance(response, AnnotatedLLMResponse) else None
    return f"  {usage['prompt_tokens']} + {usage['completion_tokens']} tokens" if usage else ""
