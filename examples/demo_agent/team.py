"""The coordinator and its three sub-agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .agent import Agent
from .chat import Chat, Say
from .tools import Tool

_COORDINATOR = "You answer questions about our services. Delegate, then sum up what you are told."

_ROLES = {
    "incidents": "You know which service is in trouble. Look it up in the incident database.",
    "deploys": "You find the deploy that caused incidents, and record it in the database.",
    "documents": "You find what our documents say about the topic of incidents.",
}


def coordinator(chat: Chat, tools: Sequence[Tool], say: Say) -> Agent:
    """Return the coordinator, who answers aloud. Its sub-agents work with `tools`, silently."""
    agents = {name: Agent(name, instructions, tools, chat) for name, instructions in _ROLES.items()}

    async def delegate(arguments: dict[str, Any]) -> Any:
        agent = agents[arguments["agent"]]
        return {"agent": arguments["agent"], "answer": await agent.run(arguments["task"])}

    parameters = {
        "agent": {"type": "string", "enum": list(agents), "description": "Who is to do it."},
        "task": {"type": "string", "description": "What is to be done."},
    }
    tool = Tool("delegate", "Gives a task to a sub-agent.", parameters, delegate)
    return Agent("coordinator", _COORDINATOR, [tool], chat, say)
