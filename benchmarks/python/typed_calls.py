"""What `typed` adds to a managed tool call: a model with three fields in, and one out.

    pip install pydantic
    python benchmarks/python/typed_calls.py [--check] [--rounds 60]

The plain call, the typed one, and one `model_validate` with one `model_dump` take turns; the
fastest of each counts. `--check` ends with 1 where the wrapper adds more than twice the last.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

from scopeflow import tools, typed

try:
    import pydantic
except ImportError:
    sys.exit("pydantic is missing: pip install pydantic")

COUNT, MOST = 2_000, 2.0


class Query(pydantic.BaseModel):
    text: str
    limit: int
    exact: bool


CODEC = typed.PydanticCodec(Query)
QUERY = Query(text="scopes", limit=3, exact=False)
MEMBERS = QUERY.model_dump()


async def search(query: object) -> object:
    return query


async def plain() -> None:
    await tools.execute("search", MEMBERS, search)


async def typed_call() -> None:
    await typed.tool_execute("search", QUERY, search, CODEC, CODEC)


async def model() -> None:
    Query.model_validate(MEMBERS).model_dump()


ROWS: dict[str, Callable[[], Awaitable[None]]] = {
    "plain call": plain,
    "typed call": typed_call,
    "model_validate + model_dump": model,
}


async def repetition(row: Callable[[], Awaitable[None]]) -> float:
    """Nanoseconds an operation."""
    began_at_ns = time.perf_counter_ns()
    for _ in range(COUNT):
        await row()
    return (time.perf_counter_ns() - began_at_ns) / COUNT


async def measure(rounds: int) -> dict[str, float]:
    best = dict.fromkeys(ROWS, float("inf"))
    for _ in range(rounds):
        for name, row in ROWS.items():
            best[name] = min(best[name], await repetition(row))
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="fail where the limit is passed")
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()
    best = asyncio.run(measure(arguments.rounds))
    for name, nanoseconds in best.items():
        print(f"{name:<32}{nanoseconds:>8,.0f} ns")
    added = best["typed call"] - best["plain call"]
    factor = added / best["model_validate + model_dump"]
    print(f"{'the wrapper adds':<32}{added:>8,.0f} ns   {factor:.2f} x the model, limit {MOST:g}")
    return 1 if arguments.check and factor > MOST else 0


if __name__ == "__main__":
    sys.exit(main())
