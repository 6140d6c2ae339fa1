"""Replays a case of tests/vectors with a fault at one place: it then comes out in some other way,
but each start has one end all the same, and nothing is left behind."""

from __future__ import annotations

import collections
import contextlib
import gc
import json
import re

from scripts import Cancelled
from vectors import Session

import scopeflow

# What a fault does, by the kind of place where it strikes: in a callable, where an operation waits,
# before a chunk is taken. Only the mode `suspending` waits.
IN_CALLABLES = ("raise", "cancel", "exit")
IN_WAITING = ("throw", "close_call", "drop_call")
BEFORE_CHUNKS = ("close", "drop")
MOST_ATTEMPTS = 20
DROPS = ("drop", "drop_call")
# Or has spans of tools and LLMs that are no managed calls.
MAY_DROP = re.compile('"(abandon|drop|runtime_close|keep_next|(tool|llm)_call|type": "(tool|llm))"')
CALLS = ("tool", "llm")
ABANDONED = '"error.type":"abandoned"'
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
        self.is_to_come_out = False  # A cancellation or exit is; the first one of several.
        self.has_come_out = False
        self.drops_nothing = kind not in DROPS and not MAY_DROP.search(json.dumps(case["steps"]))
        self.violations = []  # They are told at the end: a callable's error might be contained.
        self.runtime.register_subscriber("observer of the faults", self.observe)

    def observe(self, event):
        if event.scope_category is not None:
            self.seen[event.uuid, event.scope_category] += 1
        if self.drops_nothing and event.scope_category == "end" and event.category in CALLS:
            line = event.to_json()
            self.claim(ABANDONED not in line, f"nobody has abandoned this call: {line}")

    # --- The fault ---

    def strikes(self, kinds):
        if self.kind not in kinds:
            return False
        self.place_count += 1
        return self.place_count == self.at

    def pass_callable(self):
        if self.strikes(IN_CALLABLES):
            kinds = {"raise": ValueError, "cancel": Cancelled, "exit": Exit}
            raise self.thrown_out(kinds[self.kind]("the fault"))

    def thrown_out(self, error):
        self.is_to_come_out = not isinstance(error, Exception)
        self.thrown.append(error)
        return error

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
                    iterator.throw(self.thrown_out(Cancelled("the fault")))
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
            self.has_come_out |= self.is_to_come_out and not isinstance(error, Exception)
            self.check_as_it_was(step, error, before)
            if step.get("propagate"):
                raise
            return
        if "as" in step:
            self.labels[step["as"]] = outcome

    def claim(self, holds, otherwise):
        if not holds:
            self.violations.append(otherwise)

    # --- What holds ---

    def check(self):
        """The fault's own cancellation or exit, or one that came before it, came out."""
        lost = self.is_to_come_out and not self.has_come_out
        self.claim(not lost, "a cancellation or exit was lost (S4.4, S5.2)")
        self.finish()
        self.check_pairs()
        assert not self.violations, self.violations

    def finish(self):
        """Lets everything go; the next operation ends what was forgotten (S1.12), and the runtime
        still does its work."""
        self.contexts = {"main": self.contexts["main"]}
        self.labels, self.scripts.kept, self.thrown = {}, {}, []
        self.kind = None
        gc.collect()
        goes_on = any(self.contexts["main"].run(self.does_something) for _ in range(MOST_ATTEMPTS))
        self.claim(goes_on, "the runtime does not go on")

    def does_something(self):
        """Whether all went well; a callable of the case may raise what it has not raised yet."""
        with contextlib.suppress(BaseException):
            if self.is_closed():
                return True
            while self.runtime.get_handle() is not self.runtime.runtime_root():
                self.runtime.get_handle().close()
            with self.runtime.scope("after", scopeflow.ScopeType.Function):
                pass
            self.runtime.runtime_flush()
            return True
        return False

    def is_closed(self):
        try:
            self.runtime.scope_event("after")
        except scopeflow.InvalidState:
            return True
        return False

    def check_pairs(self):
        """S4.3."""
        for uuid in {uuid for uuid, _ in self.seen}:
            counts = self.seen[uuid, "start"], self.seen[uuid, "end"]
            self.claim(counts == (1, 1), f"{uuid} has {counts[0]} starts and {counts[1]} ends")
