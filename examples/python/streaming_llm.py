"""A model that answers in chunks: the consumer gets each at once, events get the whole answer."""

import asyncio
from collections.abc import AsyncIterator

from scopeflow import Event, LLMRequest, llm, subscribers


async def complete(request: LLMRequest) -> AsyncIterator[str]:
    for word in request.content["prompt"].split():
        await asyncio.sleep(0)  # Here a real one waits for the provider.
        yield word.upper()


def show(event: Event) -> None:
    print("  ", event.scope_category, event.name, event.data)
    if event.scope_category == "end":
        print("  ", event.metadata["otel.status_code"], event.metadata["stream.chunk_count"])


async def ask(prompt: str, enough: int) -> None:
    request = LLMRequest({"authorization": "Bearer secret"}, {"prompt": prompt})
    answer: list[str] = []
    stream = await llm.stream_execute(
        "shouter", request, complete, collector=answer.append, finalizer=lambda: " ".join(answer)
    )
    async with stream:  # Whoever leaves early stops the producer, and the end event says so.
        async for word in stream:
            print(word)
            if len(answer) == enough:
                break


async def main() -> None:
    await ask("all of the words", enough=10)
    await ask("only some of the words", enough=2)


with subscribers.subscriber("show", show):
    asyncio.run(main())
