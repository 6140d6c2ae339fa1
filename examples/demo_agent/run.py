"""One run of the demo: server, database, tools, agents, events."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from openai import AsyncOpenAI

from scopeflow import AtofExporter, AtofExporterConfig, AtofExporterMode, guardrails, subscribers

from . import team, tools
from .model.protocol import MODEL
from .model.server import serve
from .progress import Progress

QUESTION = "Which service had the most trouble, why, and what do our documents advise?"


@dataclass(frozen=True)
class Settings:
    """What a run works on."""

    database: Path
    documents: Path
    """Folder whose documents are searched."""
    events: Path
    """ATOF file that is written; an older one is replaced."""
    progress: TextIO | None = None
    """Where progress is shown."""
    question: str = QUESTION
    thinking_s: float = 0.05
    """How long the model takes for an answer, in seconds."""
    broken: Collection[str] = field(default_factory=frozenset)
    """Names of tools that fail."""


def run(settings: Settings) -> str:
    """Run the agents on the question; return the final answer."""
    exporter = AtofExporter(_exporter_config(settings.events))
    exporter.register("event file")
    guardrails.register_tool_conditional_execution("read-only SQL", 10, tools.refuse_writes)
    if settings.progress is not None:
        subscribers.register("progress", Progress(settings.progress))
    try:
        with serve(settings.thinking_s) as base_url:
            return asyncio.run(_ask(settings, base_url))
    finally:
        subscribers.deregister("progress")
        guardrails.deregister_tool_conditional_execution("read-only SQL")
        exporter.deregister("event file")
        exporter.shutdown()


async def _ask(settings: Settings, base_url: str) -> str:
    kit = [tools.sql(settings.database), tools.search(settings.documents)]
    kit = [tools.break_tool(tool) if tool.name in settings.broken else tool for tool in kit]
    async with AsyncOpenAI(base_url=base_url, api_key="not needed", max_retries=0) as client:
        return await team.coordinator(client, MODEL, kit).run(settings.question)


def _exporter_config(events: Path) -> AtofExporterConfig:
    config = AtofExporterConfig()
    config.output_directory = str(events.parent)
    config.filename = events.name
    config.mode = AtofExporterMode.Overwrite
    return config
