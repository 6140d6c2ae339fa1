"""Lines of TypeScript that are no longer than they may be, broken where a formatter breaks them."""

from __future__ import annotations

WIDTH = 100


def fit(line: str, indent: int = 0) -> str:
    """The line, or several: each part of its last brackets gets a line of its own.

    `indent` is where the line will stand; lines that follow are indented against the first.
    """
    if indent + len(line) <= WIDTH:
        return line
    if line.startswith(" "):
        blanks = " " * (len(line) - len(line.lstrip()))
        return blanks + fit(line.lstrip(), indent + len(blanks)).replace("\n", "\n" + blanks)
    start, end = _last_brackets(line)
    if end <= start + 1:
        return line
    parts = [fit(part, indent + 2) for part in _parts(line[start + 1 : end].strip())]
    inner = "".join("  " + part.replace("\n", "\n  ") + ",\n" for part in parts)
    return f"{line[: start + 1]}\n{inner}{line[end:]}"


def fit_arrow(head: str, body: str, indent: int = 0) -> str:
    """An arrow function with an expression, which goes to the next line before it is broken."""
    line = f"{head} => {body}"
    if indent + len(line) <= WIDTH:
        return line
    return f"{head} =>\n{fit('  ' + body, indent)}"


def _last_brackets(line: str) -> tuple[int, int]:
    """Where the last brackets that stand in no others open and close."""
    found, depth, start = (0, 0), 0, 0
    for i, sign in enumerate(line):
        if sign in "([{":
            start = i if depth == 0 else start
            depth += 1
        elif sign in ")]}":
            depth -= 1
            found = (start, i) if depth == 0 else found
    return found


def _parts(text: str) -> list[str]:
    """The parts between commas that stand in no brackets."""
    parts, depth, begin = [], 0, 0
    for i, sign in enumerate(text):
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        elif sign == "," and depth == 0:
            parts.append(text[begin:i].strip())
            begin = i + 1
    return [*parts, text[begin:].strip()]
