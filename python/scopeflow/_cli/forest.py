"""Events to trees, in bounded memory.

A tree is handed out once its topmost scope and all below it have ended and a few more lines have
been read; then it is forgotten. What does not fit the limits is *folded*: counted in the nearest
scope that is shown. So memory depends on the limits, never on the length of the file.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass

from . import reader
from .reader import NO_TOKENS, Event

LINGER_COUNT = 256
"""Lines for which a finished tree waits for what may still come, such as marks after an end."""


@dataclass(frozen=True)
class Limits:
    """Bounds on what is held at a time."""

    children: int = 100
    """Lines that are shown under one scope."""
    depth: int = 64
    """Levels that are shown."""
    nodes: int = 20_000
    """Scopes and marks that are held to be shown."""
    open: int = 100_000
    """Open scopes that are held only to be counted."""


class Folded:
    """Counts of what is not shown under a scope."""

    __slots__ = ("scopes", "marks", "errors", "refused", "duration_ns", "tokens")

    def __init__(self) -> None:
        self.scopes = 0
        self.marks = 0
        self.errors = 0
        self.refused = 0
        self.duration_ns = 0
        self.tokens = NO_TOKENS

    def count_status(self, status: str) -> None:
        """Count how a scope ended, or what a mark says."""
        self.errors += status == reader.ERROR
        self.refused += status == reader.REFUSED


class Tree:
    """A topmost scope or mark and what lies below it."""

    __slots__ = ("root", "open_count", "finished_at", "is_done")

    def __init__(self) -> None:
        self.root: Node
        self.open_count = 0
        self.finished_at: int | None = None
        """Line after which nothing was open any more."""
        self.is_done = False
        """Handed out: nothing may be added any more."""


class Node:
    """A scope or a mark. One that is not `shown` is held only until it ends."""

    __slots__ = ("event", "tree", "parent", "depth", "shown", "end", "children", "folded", "tokens")

    def __init__(self, event: Event, tree: Tree, parent: Node | None, shown: bool) -> None:
        self.event = event
        """Its start; its end if no start was seen; the mark."""
        self.tree = tree
        self.parent = parent
        """The nearest shown ancestor."""
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.shown = shown
        self.end: Event | None = None
        self.children: list[Node] = []
        self.folded: Folded | None = None
        self.tokens = NO_TOKENS
        """What calls of models took, here and below."""

    @property
    def holder(self) -> Node:
        """The shown one that a hidden one is counted with."""
        assert self.parent is not None
        return self.parent

    @property
    def duration_ns(self) -> int | None:
        """Time from start to end; `None` if one of them is missing."""
        if self.end is None or self.end is self.event:
            return None
        return self.end.time_ns - self.event.time_ns

    def count_tokens(self) -> None:
        """Count what the call of a model took, once it has ended, for all that it belongs to."""
        if self.event.category != reader.LLM or self.end is None:
            return
        taken = self.tokens if self.end.tokens == NO_TOKENS else self.end.tokens
        self.tokens = taken
        if not self.shown:
            folded = self.holder.fold()
            folded.tokens = folded.tokens.plus(taken)
        above = self.parent
        while above is not None:
            above.tokens = above.tokens.plus(taken)
            # A call that makes others tells their sum by itself, or hands it on at its own end.
            above = None if above.event.category == reader.LLM else above.parent

    def fold(self) -> Folded:
        """Return the counts of what is folded here."""
        if self.folded is None:
            self.folded = Folded()
        return self.folded


class Forest:
    """Takes events in file order and hands out trees, in order of their starts if memory allows."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._nodes: dict[str, Node] = {}
        """Scopes that may still get an end or a child, by uuid."""
        self._trees: OrderedDict[Tree, None] = OrderedDict()
        self._finished_count = 0
        self._shown_count = 0
        self._folded_open_count = 0
        self._folded_ended: deque[Node] = deque()
        self._pending_end_count = 0
        self._overflow = _overflow_node()
        self.untracked_count = 0
        """Scopes beyond `Limits.open`: their starts were counted, their ends are passed over."""

    @property
    def overflow(self) -> Folded | None:
        """Counts of the topmost scopes and marks for which there was no room."""
        return self._overflow.folded

    def add(self, line: int, event: Event) -> tuple[list[Tree], str]:
        """Take one event. Return the trees that are complete now, and what is wrong with it."""
        ready: list[Tree] = []
        problem = ""
        if event.kind is reader.MARK:
            self._add_mark(line, event, ready)
        elif event.kind is reader.START:
            problem = self._add_start(event, ready)
        else:
            problem = self._add_end(line, event, ready)
        while self._trees:
            oldest = next(iter(self._trees))
            if oldest.finished_at is None or line - oldest.finished_at <= LINGER_COUNT:
                break
            ready.append(self._take(oldest))
        return ready, problem

    def finish(self) -> Iterator[Tree]:
        """Yield what is left at the end of the file, open scopes included."""
        while self._trees:
            yield self._take(next(iter(self._trees)))

    def _add_mark(self, line: int, event: Event, ready: list[Tree]) -> None:
        node = self._place(event, ready)
        if not node.shown:
            folded = node.holder.fold()
            folded.marks += 1
            folded.count_status(event.status)
        elif node.parent is None:
            self._finish(node.tree, line)

    def _add_start(self, event: Event, ready: list[Tree]) -> str:
        known = self._nodes.get(event.uuid)
        if known is not None and known.end is None:
            return "a second start of an open scope, skipped"
        node = self._place(event, ready)
        if not node.shown:
            node.holder.fold().scopes += 1
            if self._folded_open_count >= self._limits.open:
                self.untracked_count += 1
                self._pending_end_count += 1
                return ""
            self._folded_open_count += 1
        self._nodes[event.uuid] = node
        self._reopen(node.tree)
        node.tree.open_count += 1
        return ""

    def _add_end(self, line: int, event: Event, ready: list[Tree]) -> str:
        node = self._nodes.get(event.uuid)
        if node is None:
            self._add_end_without_start(line, event, ready)
            return ""
        if node.end is not None:
            return "a second end of a scope, skipped"
        node.end = event
        node.count_tokens()
        if not node.shown:
            self._close_folded(node)
        node.tree.open_count -= 1
        if node.tree.open_count == 0:
            self._finish(node.tree, line)
        return ""

    def _add_end_without_start(self, line: int, event: Event, ready: list[Tree]) -> None:
        if self._pending_end_count > 0:
            self._pending_end_count -= 1
            return
        node = self._place(event, ready)
        node.end = event
        node.count_tokens()
        if not node.shown:
            folded = node.holder.fold()
            folded.scopes += 1
            folded.count_status(event.status)
        elif node.parent is None:
            self._finish(node.tree, line)

    def _close_folded(self, node: Node) -> None:
        folded = node.holder.fold()
        assert node.end is not None
        folded.count_status(node.end.status)
        folded.duration_ns += node.duration_ns or 0
        self._folded_open_count -= 1
        self._folded_ended.append(node)
        if len(self._folded_ended) > LINGER_COUNT:
            self._forget(self._folded_ended.popleft())

    def _place(self, event: Event, ready: list[Tree]) -> Node:
        # Room first: making it may hand out the very tree that the parent stands in.
        has_room = self._make_room(ready)
        parent = self._nodes.get(event.parent_uuid) if event.parent_uuid else None
        if parent is None or parent.tree.is_done:
            return self._place_topmost(event, has_room)
        holder = parent if parent.shown else parent.holder
        shown = (
            has_room
            and parent.shown
            and len(parent.children) < self._limits.children
            and parent.depth + 1 < self._limits.depth
        )
        node = Node(event, holder.tree, holder, shown)
        if shown:
            parent.children.append(node)
            self._shown_count += 1
        return node

    def _place_topmost(self, event: Event, has_room: bool) -> Node:
        if not has_room:
            return Node(event, self._overflow.tree, self._overflow, shown=False)
        tree = Tree()
        tree.root = Node(event, tree, None, shown=True)
        self._trees[tree] = None
        self._shown_count += 1
        return tree.root

    def _make_room(self, ready: list[Tree]) -> bool:
        if self._shown_count >= self._limits.nodes and self._finished_count > 0:
            for tree in [tree for tree in self._trees if tree.finished_at is not None]:
                ready.append(self._take(tree))
        return self._shown_count < self._limits.nodes

    def _finish(self, tree: Tree, line: int) -> None:
        tree.finished_at = line
        self._finished_count += 1

    def _reopen(self, tree: Tree) -> None:
        if tree.finished_at is not None:
            tree.finished_at = None
            self._finished_count -= 1

    def _take(self, tree: Tree) -> Tree:
        del self._trees[tree]
        self._reopen(tree)
        tree.is_done = True
        pending = [tree.root]
        while pending:
            node = pending.pop()
            pending.extend(node.children)
            self._shown_count -= 1
            self._forget(node)
        return tree

    def _forget(self, node: Node) -> None:
        if self._nodes.get(node.event.uuid) is node:
            del self._nodes[node.event.uuid]


def _overflow_node() -> Node:
    tree = Tree()
    tree.open_count = 1  # It never finishes, and is in nobody's list.
    tree.root = Node(Event(reader.START, "", None, "", "", 0, "", ""), tree, None, shown=True)
    return tree.root
