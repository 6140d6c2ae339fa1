"""The tools that the agents may use, as OpenAI function declarations and as functions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import database, documents

_ROW_LIMIT = 50
_HIT_LIMIT = 3


@dataclass(frozen=True)
class Tool:
    """A function that a model may ask for."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema of the arguments."""
    run: Callable[[dict[str, Any]], Awaitable[Any]]

    def declaration(self) -> dict[str, Any]:
        """Return the tool as the chat-completions API wants it."""
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": {
                "type": "object",
                "properties": self.parameters,
                "required": list(self.parameters),
                "additionalProperties": False,
            },
        }
        return {"type": "function", "function": function}


def sql(file: Path) -> Tool:
    """Return the tool that runs SQL on the database in `file`."""

    async def run(arguments: dict[str, Any]) -> Any:
        return await asyncio.to_thread(database.query, file, arguments["statement"], _ROW_LIMIT)

    parameters = {"statement": {"type": "string", "description": "One statement in SQLite's SQL."}}
    return Tool("sql", "Runs a statement on the incident database.", parameters, run)


def search(root: Path) -> Tool:
    """Return the tool that searches the documents below `root`."""

    async def run(arguments: dict[str, Any]) -> Any:
        return await asyncio.to_thread(documents.search, root, arguments["query"], _HIT_LIMIT)

    parameters = {"query": {"type": "string", "description": "Words that a paragraph must have."}}
    return Tool("search", "Searches the documents of the repository.", parameters, run)


def break_tool(tool: Tool) -> Tool:
    """Return a tool that fails whenever it is called, to see what the agent makes of it."""

    async def run(arguments: dict[str, Any]) -> Any:
        raise RuntimeError(f"the tool {tool.name} is broken")

    return Tool(tool.name, tool.description, tool.parameters, run)
