"""One run of the demo: database, tools, agents, events."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from openai import AsyncOpenAI

from scopeflow import AtofExporter, AtofExporterConfig, AtofExporterMode, codecs, subscribers

from . import middleware, team, tools
from .chat import Chat
from .model.protocol import MODEL
from .progress import Progress

QUESTION = (
    "ada@example.com was charged twice, on card 4111 1111 1111 1111. "
    "Which service had the most trouble, why, and what do our documents advise?"
)


_PRICES = Path(__file__).parent / "data" / "prices.json"


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
    api_key: str = "sk-demo-0d5e4b7a"
    """Goes to the model's server with each request."""
    broken: Collection[str] = field(default_factory=frozenset)
    """Names of tools that fail."""


def run(settings: Settings, model_url: str) -> str:
    """Run the agents on the question, with the model that is served there; return the answer."""
    exporter = AtofExporter(_exporter_config(settings.events))
    exporter.register("event file")
    progress = Progress(settings.progress or io.StringIO())
    codecs.use_prices(_PRICES)
    try:
        with subscribers.subscriber("progress", progress), middleware.installed():
            return asyncio.run(_ask(settings, model_url, progress))
    finally:
        codecs.use_prices()
        exporter.deregister("event file")
        exporter.shutdown()


async def _ask(settings: Settings, model_url: str, progress: Progress) -> str:
    kit = [tools.sql(settings.database), tools.search(settings.documents)]
    kit = [tools.break_tool(tool) if tool.name in settings.broken else tool for tool in kit]
    # The key goes with each request, and the runtime sees to new attempts.
    async with AsyncOpenAI(base_url=model_url, api_key="none", max_retries=0) as client:
        chat = Chat(client, MODEL, settings.api_key)
        return await team.coordinator(chat, kit, progress.say).run(settings.question)


def _exporter_config(events: Path) -> AtofExporterConfig:
    config = AtofExporterConfig()
    config.output_directory = str(events.parent)
    config.filename = events.name
    config.mode = AtofExporterMode.Overwrite
    return config
