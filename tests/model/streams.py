"""Streams of chunks from a language model (S4.7, S1.11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from . import events, payload
from .admission import CALL_FLAGS, Call, admit, begin
from .arguments import checked_flags, checked_text
from .calls import ATTRIBUTES, checked_ids, emit_start, finish, open_span
from .codecs import Codec
from .errors import Failure, Held
from .events import Draft
from .execution import Execution, Target
from .runtime import ABSENT, Runtime
from .scopes import Context, Scope

# What an event's numbers can say.
LARGEST_GAP = 2**63 - 1

Collector = Callable[[Any, Context], None]
Finalizer = Callable[[Context], Any]


def gap(earlier: int, later: int) -> int:
    """Nanoseconds between two times (decisions.md, 31)."""
    return min(max(0, later - earlier), LARGEST_GAP)


@dataclass(eq=False)
class Stream:
    """What the consumer has in its hands."""

    call: Call
    span: Scope
    execution: Execution
    producer: Iterator[Any]
    collector: Collector | None
    finalizer: Finalizer | None
    data: Any
    has_chunk_marks: bool
    count: int = 0
    last_at: int = 0  # when the last chunk passed
    longest_gap: int = 0

    def step(self, context: Context) -> Any:
        """The next chunk, once the collector had it; the end raises StopIteration.

        An error of the producer or the collector comes out after the end event.
        """
        try:
            chunk = next(self.producer)
            if self.collector is not None:
                self.collector(chunk, context)
            self._note_chunk(context)
        except StopIteration:
            self._end(context, events.success(), None)
            raise
        except Failure as error:
            self._end(context, events.failure(error), error)
            raise
        return chunk

    def close(self, context: Context) -> None:
        """The consumer wants no more: a cancellation without a text (S2.4)."""
        self._end(context, events.failure(kind="cancelled"), None)

    def drop(self) -> None:
        """Let go of: neither collector nor finalizer runs (S4.7, S1.12).

        Nobody can go on with the call, whoever holds its span (decisions.md, 40).
        """
        self.execution.is_dropped = True
        self.call.runtime.note_abandoned(self.span)

    def _note_chunk(self, context: Context) -> None:
        """One reading of the clock, heard or not (decisions.md, 15), and the mark that was asked
        for."""
        time = self.call.runtime.read_clock()
        self.count += 1
        facts = self.span.stream_facts
        facts["stream.chunk_count"] = str(self.count)
        if self.count == 1:
            facts["stream.first_chunk_ns"] = str(gap(self.span.started_at, time))
        else:
            self.longest_gap = max(self.longest_gap, gap(self.last_at, time))
            facts["stream.longest_gap_ns"] = str(self.longest_gap)
        self.last_at = time
        if self.has_chunk_marks:
            text = payload.encode({"n": self.count})

            def describe(draft: Draft, _: Held) -> None:
                draft.data = text

            self.call.mark("llm.chunk", self.span, context, describe)

    def _end(self, context: Context, status: events.Members, error: Failure | None) -> None:
        """The finalizer gives what the end event shows, whatever ended the stream.

        The outcome is known before it runs, and so is the time (S2.3; decisions.md, 6).
        """
        runtime = self.call.runtime
        time = runtime.end_time(self.span, None) if self.span.is_open else None
        response, facts, held = ABSENT, dict(status), Held()
        if self.finalizer is not None:
            try:
                with held:
                    response = self.finalizer(context)
            except Failure:  # never an error to the consumer
                facts["finalizer.failed"] = "true"
        if response is None:
            response = ABSENT
        if response is ABSENT and self.finalizer is None and facts == events.success():
            response = self.data  # S2.5
        with held:
            finish(self.call, self.span, context, response, error, facts, time)
        held.release()


def stream_execute(
    runtime: Runtime,
    context: Context,
    target: Target,
    name: str | bytes,
    request: Any,
    collector: Collector | None = None,
    finalizer: Finalizer | None = None,
    parent: Scope | None = None,
    flags: Iterable[str] | int = (),
    attributes: Iterable[str] | int = (),
    model_name: str | bytes | None = None,
    data: Any = ABSENT,
    metadata: Any = ABSENT,
    timestamp: int | None = None,
    codec: Codec | None = None,
    response_codec: Codec | None = None,
) -> Stream:
    """Calls the producer and hands its stream on, managed; its own failure is raised here."""
    name = checked_text("the name", name)
    flags = checked_flags("flags", flags, CALL_FLAGS)
    attributes = checked_flags("attributes", attributes, ATTRIBUTES["llm"]) | {"streaming"}  # S1.2
    ids = checked_ids(None, model_name)
    call = begin(
        runtime,
        context,
        "llm",
        name,
        parent,
        is_sync="sync" in flags,
        is_stream=True,
        codec=codec,
        response_codec=response_codec,
    )
    request, marks = admit(call, request, context)
    span = open_span(call, attributes, ids, metadata, timestamp, marks)
    try:
        emit_start(call, span, request, context)
        own = context.fork(context.name)  # S1.11: the producer has its own copy of the context
        execution = Execution(call, span, request, target)
        producer = execution.run(request, own)
    except Failure as error:
        finish(call, span, context, ABSENT, error)
        raise
    span.stream_facts["stream.chunk_count"] = "0"
    has_marks = "chunk_marks" in flags
    return Stream(call, span, execution, producer, collector, finalizer, data, has_marks)
