"""Docstrings of the package as Markdown.

They are nearly that already: what is indented is code, what begins with `>>>` is a session of
Python, and a paragraph whose lines begin with names
and a colon tells of parameters or of members of an enum, whose text may go on in lines that are
indented.
"""

from __future__ import annotations

import ast
import re
import textwrap
from itertools import groupby

PARAMETER = re.compile(r"(\*{0,2}[a-z_]+(?:, \*{0,2}[a-z_]+)*|[A-Z]\w* \(\d+\)): ")


def to_markdown(text: str) -> str:
    return "\n\n".join(block(lines) for lines in paragraphs(text))


def paragraphs(text: str) -> list[list[str]]:
    """Runs of lines that are all code or all none; code runs on through blank lines."""
    runs: list[list[str]] = []
    for is_blank, lines in groupby(text.splitlines(), lambda line: not line.strip()):
        if not is_blank:
            runs += split_code(list(lines))
    joined: list[list[str]] = []
    for run in runs:
        if joined and is_code(joined[-1]) and is_code(run):
            joined[-1] += ["", *run]
        else:
            joined.append(run)
    return joined


def split_code(lines: list[str]) -> list[list[str]]:
    """A sentence may be followed by its code without a blank line, a parameter goes on indented."""
    if PARAMETER.match(lines[0]) or is_code(lines):
        return [lines]
    begin = next((at for at in range(1, len(lines)) if is_code(lines[at:])), len(lines))
    return [part for part in (lines[:begin], lines[begin:]) if part]


def is_code(lines: list[str]) -> bool:
    return is_session(lines) or all(line.startswith("    ") or not line for line in lines)


def is_session(lines: list[str]) -> bool:
    return lines[0].startswith(">>> ")


def block(lines: list[str]) -> str:
    if is_code(lines):
        return code(textwrap.dedent("\n".join(lines)))
    return parameters(lines) if PARAMETER.match(lines[0]) else prose(lines)


def prose(lines: list[str]) -> str:
    return "\n".join(lines).replace("<", "&lt;")


def code(text: str) -> str:
    """Marked as Python, or as a session of it, if it is; others are tables or shell commands."""
    if text.startswith(">>> "):
        return f"```pycon\n{text}\n```"
    try:
        ast.parse(text)
    except SyntaxError:
        return f"```text\n{text}\n```"
    return f"```python\n{text}\n```"


def parameters(lines: list[str]) -> str:
    """A list. What follows it without a blank line, such as what is raised, is a paragraph."""
    items: list[str] = []
    for line in lines:
        if match := PARAMETER.match(line):
            names = ", ".join(f"`{name}`" for name in match[1].split(", "))
            items.append(f"- {names}: {line[match.end() :]}")
        elif line.startswith(" "):
            items.append(f"  {line.strip()}")
        else:
            items.append(line if items[-1][0] not in "- " else f"\n{line}")
    return "\n".join(items)
