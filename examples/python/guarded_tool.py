"""A tool behind a guardrail that refuses, and a sanitizer that keeps a password out of events."""

import asyncio
from typing import Any

from scopeflow import Event, GuardrailRejected, guardrails, subscribers, tools


async def query(args: dict[str, Any]) -> list[int]:
    assert args["password"] == "sesame"  # Sanitizers change what observers see, and nothing else.
    return [42]


def only_reading(name: str, args: dict[str, Any]) -> str | None:
    if args["statement"].startswith("select"):
        return None
    return "only statements that read are allowed"


def without_password(name: str, args: dict[str, Any]) -> dict[str, Any]:
    return {**args, "password": "(hidden)"}


def show(event: Event) -> None:
    print("  ", event.scope_category or event.kind, event.name, event.data)


async def main() -> None:
    for statement in ("select * from answers", "drop table answers"):
        args = {"statement": statement, "password": "sesame"}
        try:
            print(await tools.execute("query", args, query))
        except GuardrailRejected as refusal:
            print(refusal)


with (
    subscribers.subscriber("show", show),
    guardrails.tool_conditional_execution("only reading", 10, only_reading),
    guardrails.tool_sanitize_request("password", 20, without_password),
):
    asyncio.run(main())
