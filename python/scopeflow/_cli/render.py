"""A tree as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TextIO

from . import reader
from .forest import Folded, Node, Tree
from .reader import NO_TOKENS, Tokens
from .text import duration, escape

_LABEL_WIDTH_LIMIT = 72
_DURATION_WIDTH = 9


class Style(NamedTuple):
    """The characters that draw the branches."""

    fork: str
    last: str
    pipe: str
    mark: str
    more: str
    micro: str
    is_ascii: bool


UNICODE = Style("├─ ", "└─ ", "│  ", "◆ ", "… ", "µ", is_ascii=False)
ASCII = Style("|- ", "`- ", "|  ", "* ", "... ", "u", is_ascii=True)


def style_for(out: TextIO) -> Style:
    """Return the style whose characters `out` can write."""
    try:
        "├─└│◆…µ".encode(out.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return UNICODE


class _Line(NamedTuple):
    label: str
    time: str
    status: str


def lines(tree: Tree, style: Style) -> list[str]:
    """Return the lines of `tree`, with durations and statuses in columns of their own."""
    rows = list(_walk(tree.root, style))
    if style.is_ascii:
        rows = [
            _Line(*(part.encode("ascii", "backslashreplace").decode() for part in row))
            for row in rows
        ]
    width = min(max(len(row.label) for row in rows), _LABEL_WIDTH_LIMIT)
    return [
        f"{row.label:<{width}}  {row.time:>{_DURATION_WIDTH}}  {row.status}".rstrip()
        for row in rows
    ]


def folded_text(folded: Folded, style: Style) -> str:
    """Return what is folded, as one line."""
    parts = []
    if folded.scopes:
        parts.append(_count(folded.scopes, "scope"))
    if folded.duration_ns:
        parts.append(f"together {duration(folded.duration_ns, style.micro)}")
    if folded.tokens != NO_TOKENS:
        parts.append(tokens_text(folded.tokens))
    if folded.marks:
        parts.append(_count(folded.marks, "mark"))
    if folded.errors:
        parts.append(_count(folded.errors, "error"))
    if folded.refused:
        parts.append(f"{folded.refused:,} refused")
    return ", ".join(parts)


def tokens_text(tokens: Tokens) -> str:
    """Return how many tokens went into prompts, how many came back, and what they have cost."""
    text = f"{tokens.prompt:,} + {tokens.completion:,} tokens"
    if tokens.cost is None or not tokens.currency:
        return text
    return f"{text}, {tokens.cost:.6g} {escape(tokens.currency, reader.NAME_LIMIT)}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _walk(root: Node, style: Style) -> Iterator[_Line]:
    # Iterative, because a file decides how deep the tree is.
    pending: list[tuple[Node | Folded, str, str]] = [(root, "", "")]
    while pending:
        item, head, tail = pending.pop()
        if isinstance(item, Folded):
            yield _Line(f"{head}{style.more}more", "", folded_text(item, style))
            continue
        yield _row(item, head, style)
        below: list[Node | Folded] = [*item.children]
        if item.folded is not None:
            below.append(item.folded)
        for child in reversed(below):
            is_last = child is below[-1]
            branch, line = (style.last, "   ") if is_last else (style.fork, style.pipe)
            pending.append((child, tail + branch, tail + line))


def _row(node: Node, head: str, style: Style) -> _Line:
    event = node.event
    name = escape(event.name, reader.NAME_LIMIT)
    category = escape(event.category, reader.NAME_LIMIT)
    if event.kind is reader.MARK:
        label = f"{head}{style.mark}{name}"
        return _Line(label, _offset(node, style), _mark_status(node))
    label = f"{head}{category or 'unknown'} {name}"
    elapsed = node.duration_ns
    time = "-" if elapsed is None else duration(elapsed, style.micro)
    status = _scope_status(node)
    if node.tokens != NO_TOKENS and event.category in (reader.AGENT, reader.LLM):
        status += f"  {tokens_text(node.tokens)}"
    return _Line(label, time, status)


def _offset(node: Node, style: Style) -> str:
    if node.parent is None:
        return ""
    return "+" + duration(node.event.time_ns - node.parent.event.time_ns, style.micro)


def _mark_status(node: Node) -> str:
    detail = escape(node.event.detail, reader.DETAIL_LIMIT)
    if node.event.status == reader.UNSET:
        return detail
    return f"{node.event.status}: {detail}" if detail else node.event.status


def _scope_status(node: Node) -> str:
    if node.end is None:
        return "no end"
    detail = escape(node.end.detail, reader.DETAIL_LIMIT)
    status = f"{node.end.status}: {detail}" if detail else node.end.status
    return f"{status} (no start)" if node.end is node.event else status
