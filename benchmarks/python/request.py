"""The payload of the benchmarks: a chat request of 20 messages, 140 values in all.

As text it has 7.6 KB or 199 KB, with the same count of values. The messages are prose and code in
turn, so that line ends, quotes and letters beyond ASCII stand in it as often as they do in such
requests.
"""

from __future__ import annotations

PROSE = (
    "The deployment of the second region failed again: the health check, which should take two "
    "seconds at most, did not answer for twenty. Please look at what changed since the last "
    "release and say what you would do first. "
)
CODE = (
    'def check(region):\n    if region.state != "ready":\n'
    "        raise NotReady(region.name, region.state)\n    return region.probe(timeout=2)\n\n"
)
OTHER = "Die Prüfung dauerte länger als üblich – bitte noch einmal. 最初に何を確認しますか。 "


def request(characters_a_message: int) -> dict[str, object]:
    return {
        "model": "gpt-4o-mini",
        "temperature": 0.2,
        "max_tokens": 1024,
        "stream": False,
        "messages": [message(number, characters_a_message) for number in range(20)],
        "metadata": {"session": "7f3a", "attempt": 1, "tags": ["deploys", "search"]},
        "tools": [tool("search"), tool("sql"), tool("fetch")],
        "user": "u-1017",
        "seed": 7,
        "stop": ["###", "END"],
    }


def message(number: int, characters: int) -> dict[str, object]:
    source = OTHER if number == 7 else CODE if number % 4 == 3 else PROSE
    text = (source * (characters // len(source) + 1))[:characters]
    role = "user" if number % 2 else "assistant"
    return {"role": role, "content": text, "name": f"agent-{number}"}


def tool(name: str) -> dict[str, object]:
    parameters = {
        "type": "object",
        "properties": {"query": {"type": "string"}, "limit": {"type": "integer", "maximum": 100}},
        "required": ["query"],
    }
    function = {"name": name, "description": f"Runs a {name}.", "parameters": parameters}
    return {"type": "function", "function": function}


def value_count(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(value_count, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(value_count, value))
    return 1


REQUEST_8K = request(280)
REQUEST_200K = request(9_540)
