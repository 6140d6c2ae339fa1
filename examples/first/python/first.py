import asyncio

from scopeflow import GuardrailRejected, ScopeType, guardrails, scope, subscribers, tools


async def search(query: str) -> str:
    scope.event("cache miss")  # A child of the call, because it happens inside it.
    return query.upper()


def only_short_queries(name: str, query: str) -> str | None:
    return "the query is too long" if len(query) > 20 else None


async def main() -> None:
    with scope.scope("assistant", ScopeType.Agent, input={"task": "look it up"}):
        print("found", await tools.execute("search", "scopes", search))
        try:
            await tools.execute("search", "scopes, all of the scopes", search)
        except GuardrailRejected as refusal:
            print(refusal)


subscribers.register("log", lambda event: print(event.scope_category or event.kind, event.name))
guardrails.register_tool_conditional_execution("length", 10, only_short_queries)
asyncio.run(main())
