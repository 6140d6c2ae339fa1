"""Words and lines of docs: articles, breaks, and what begins a comment's line."""

from __future__ import annotations

import textwrap

_SPELLED_WITH_A_VOWEL = "AEFHILMNORSX"  # An "L" is an "ell".


def with_article(title: str) -> str:
    """`tool request intercept` -> `a tool request intercept`, `LLM call` -> `an LLM call`."""
    first, _, _ = title.partition(" ")
    vowels = _SPELLED_WITH_A_VOWEL if first.isupper() else "aeioAEIO"
    return f"{'an' if first[:1] in vowels else 'a'} {title}"


def sentence_wrap(text: str, width: int) -> list[str]:
    """The lines of a paragraph of at most `width` columns; words are never broken."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def comment(text: str | list[str], prefix: str, width: int = 100) -> str:
    """A doc as comment lines that each begin with `prefix`; a list is a row of paragraphs.

    The first line's prefix is left to the template, which has indented to the right place:
    ` * {{ doc | comment(" * ") }}`.
    """
    paragraphs = [text] if isinstance(text, str) else text
    lines: list[str] = []
    for paragraph in paragraphs:
        lines.extend(sentence_wrap(paragraph, width - len(prefix) - len(" */")))
    return ("\n" + prefix).join(lines)


def fill(items: list[str], width: int) -> list[str]:
    """The items with commas between them, on as few lines as they fit, none of them broken."""
    lines = [""]
    for i, item in enumerate(items):
        item += "," if i + 1 < len(items) else ""
        if lines[-1] and len(lines[-1]) + 1 + len(item) > width:
            lines.append(item)
        else:
            lines[-1] += f" {item}" if lines[-1] else item
    return lines
