"""Text search over the repository's own documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_FOLDERS = (".", "docs", "spec/adr")
_TEXT_LIMIT = 240


def search(root: Path, query: str, hit_limit: int) -> dict[str, object]:
    """Return the paragraphs in which most words of `query` stand, best first.

    A paragraph with the words next to each other wins over one in which they are apart, then the
    one in which they stand more often; what remains equal is in order of file and line.
    """
    words = [word for word in re.findall(r"\w+", query.lower()) if len(word) > 2]
    phrase = " ".join(words)
    ranked = []
    for path, line, text in _paragraphs(root):
        lowered = text.lower()
        found = sum(word in lowered for word in words)
        if words and found == len(words):
            score = (phrase in lowered, sum(lowered.count(word) for word in words))
            ranked.append((score, path, line, text))
    ranked.sort(key=lambda hit: ((-hit[0][0], -hit[0][1]), hit[1], hit[2]))
    hits = [
        {"path": path, "line": line, "text": _cut(text)}
        for _, path, line, text in ranked[:hit_limit]
    ]
    return {"query": query, "hits": hits}


def _paragraphs(root: Path) -> Iterator[tuple[str, int, str]]:
    files = [file for folder in _FOLDERS for file in (root / folder).glob("*.md")]
    for file in sorted(files):
        path = file.relative_to(root).as_posix()
        lines: list[str] = []
        for number, line in enumerate([*file.read_text(encoding="utf-8").splitlines(), ""], 1):
            text = line.strip()
            is_prose = bool(text) and not text.startswith(("#", "|", "```"))
            if lines and (not is_prose or text.startswith("- ")):
                yield path, number - len(lines), " ".join(lines)
                lines = []
            if is_prose:
                lines.append(text)


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"
