"""A Python agent with a guardrail in C++."""

import asyncio

import blocklist

import scopeflow
from scopeflow import ScopeType, scope, tools


async def search(request: dict[str, str]) -> list[str]:
    return [f"a page about {request['query']}"]


async def shell(request: dict[str, str]) -> str:
    raise AssertionError("this never runs")


async def main() -> None:
    blocklist.block(scopeflow.default_runtime, "no shell", ["eval", "shell"])
    with scope.scope("agent", ScopeType.Agent):
        print(await tools.execute("search", {"query": "otters"}, search))
        try:
            await tools.execute("shell", {"command": "rm -rf /"}, shell)
        except scopeflow.GuardrailRejected as refusal:
            print(refusal)


asyncio.run(main())
