"""Replays a case with a fault at one place (tests/vectors/README.md, "Streams"): the case then comes
out in some other way, but each start has one end all the same, and nothing is left behind."""

from __future__ import annotations

import collections
import contextlib
import gc

from scripts import Cancelled
from vectors import Session

import scopeflow

# What a fault does, by the kind of place where it strikes: in a callable, where an operation waits,
# before a chunk is taken. Only the mode `suspending` waits.
IN_CALLABLES = ("raise", "cancel", "exit")
IN_WAITING = ("throw", "close_call", "drop_call")
BEFORE_CHUNKS = ("close", "drop")
MOST_STEPS = 2_000  # A subscriber that answers by emitting might go on for ever after a fault.


class Exit(BaseException):
    """As KeyboardInterrupt, but nobody else raises it."""


class FaultySession(Session):
    def __init__(self, case, mode, kind, at):
        super().__init__(case, mode)
        self.kind = kind
        self.at = at  # Counted from 1.
        self.place_count = 0
        self.step_count = 0
        self.seen = collections.Counter()  # (uuid, scope category)
        self.runtime.register_subscriber("observer of the faults", self.observe)

    def observe(self, event):
        if event.scope_category is not None:
            self.seen[event.uuid, event.scope_category] += 1

    # --- The fault ---

    def strikes(self, kinds):
        if self.kind not in kinds:
            return False
        self.place_count += 1
        return self.place_count == self.at

    def pass_callable(self):
        if self.strikes(IN_CALLABLES):
            kinds = {"raise": ValueError, "cancel": Cancelled, "exit": Exit}
            raise kinds[self.kind]("the fault")

    def stops_early(self):
        return self.kind if self.strikes(BEFORE_CHUNKS) else None

    def complete(self, awaitable):
        iterator = awaitable.__await__()
        del awaitable
        try:
            while True:
                iterator.send(None)
                if not self.strikes(IN_WAITING):
                    continue
                if self.kind == "throw":
                    iterator.throw(Cancelled("the fault"))
                    continue
                if self.kind == "close_call":
                    iterator.close()
                del iterator
                gc.collect()
                raise Cancelled("nobody waits any more")
        except StopIteration as stop:
            return stop.value

    # --- The case, whatever comes out ---

    def step(self, step, context):
        self.step_count += 1
        if self.step_count > MOST_STEPS or not self.can_be_done(step, context):
            return
        super().step(step, context)

    def can_be_done(self, step, context):
        """Whether what it needs has come to be, in spite of the fault."""
        named = [step.get("on"), step.get("args", {}).get("parent"), step.get("abandon")]
        labels = {*self.labels, "root", "elsewhere", None}
        return (
            labels.issuperset(named)
            and step.get("fork", context) in self.contexts
            and ("fork" in step or context in self.contexts)
            and ("next" not in step or step["next"] in self.scripts.kept)
        )

    def expecting(self, step):
        before = self.snapshot()
        try:
            outcome = self.perform(step, [])
        except BaseException as error:
            self.check_as_it_was(step, error, before)
            if step.get("propagate"):
                raise
            return
        if "as" in step:
            self.labels[step["as"]] = outcome

    # --- What holds ---

    def finish(self):
        """Lets everything go; the next operation ends what was forgotten (S1.12), and the runtime
        still does its work."""
        self.contexts = {"main": self.contexts["main"]}
        self.labels, self.scripts.kept, self.thrown = {}, {}, []
        self.kind = None
        gc.collect()
        with contextlib.suppress(scopeflow.InvalidState):  # A case may have closed the runtime.
            self.contexts["main"].run(self.do_something)

    def do_something(self):
        while self.runtime.get_handle() is not self.runtime.runtime_root():
            self.runtime.get_handle().close()
        with self.runtime.scope("after", scopeflow.ScopeType.Function):
            pass
        self.runtime.runtime_flush()

    def check_pairs(self):
        """S4.3."""
        assert max(self.seen.values(), default=0) <= 1, "a scope has started or ended twice"
        uuids = {uuid for uuid, _ in self.seen}
        missing = [u for u in uuids if not (self.seen[u, "start"] and self.seen[u, "end"])]
        dropped = self.runtime.stats().dropped_event_count
        assert len(missing) <= dropped, "a start has no end, or an end no start"
