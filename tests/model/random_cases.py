"""Cases made at random, in the format of the vectors, with what the model expects of them.

A case is made while the model performs it: before each step the state is known, so that most steps
make sense, and some are mistakes on purpose. What comes out becomes the step's expectation.

Left out is what the contract leaves open, so that two tellings of it may differ: what a subscriber
of an owed end does to the operation that emits it (a flush follows what is owed) and to the marks
behind it, metadata beyond the budget, event sanitizers of a cut payload, and a runtime that a
callback closes. And what some language cannot replay: an abandonment in a callback, and calls and
callbacks that have to be sync or async.

`python -m model.random_cases SEED COUNT` (in `tests`) prints a vector file.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .errors import Failure, HostCancellation, RuntimeFailure
from .middleware import GATE, NUMBERS, REGISTRIES, SUBSCRIBER
from .random_answers import EVENT_LEVEL, MAY_EXIT, Answers
from .random_values import random_error, random_metadata, random_payload
from .random_work import Work
from .scopes import SCOPE_TYPES, Scope
from .vectors import Outcome, Session, Step, told_of

RULES = ["S1.4", "S1.5", "S1.6", "S1.7", "S1.11", "S1.12", "S2.3", "S2.4", "S2.5", "S2.8"]
RULES += ["S3.2", "S3.4", "S3.5", "S3.6", "S3.7", "S3.11", "S3.12", "S4.1", "S4.3", "S4.5"]
RULES += ["S4.6", "S4.7", "S4.8", "S4.9", "S4.11", "S5.1", "S6.1"]
OUTCOMES = ("return", "refuse", "raise", "cancel", "nothing", "edit", "remove", "result_of", "next")
OUTCOMES += ("marks", "annotated", "chunks", "before")
CALL_NUMBERS = [n for name, n in NUMBERS.items() if name.startswith(("tool_", "llm_"))]
DEEPEST_FRAME = 3  # callbacks inside callbacks
LONGEST_FRAME = 5  # steps of a callback
MOST_CALLS = 200  # of callbacks in a case: a reader should be able to follow it
MILLISECOND = 1_000_000


class Growing:
    """A list whose items are made when they are asked for, and kept."""

    def __init__(self, make: Callable[[], Iterator[Any]]) -> None:
        self.make = make
        self.made: list[Any] = []
        self.has_begun = False

    def __iter__(self) -> Iterator[Any]:
        self.has_begun = True
        for item in self.make():
            self.made.append(item)
            yield item


class Frame:
    """The steps of a case, target, guard or subscriber, in the context in which they are done."""

    def __init__(self, context: str, script: dict[str, Any], of: str) -> None:
        self.context = context
        self.script = script
        self.of = of  # "case", "target" or the registry of the callback
        self.opened: list[str] = []  # in its own context, so that it leaves that as it was


class Maker:
    """Makes one case."""

    def __init__(self, seed: int, number: int) -> None:
        self.random = random.Random(f"{seed}/{number}")
        self.case: dict[str, Any] = {
            "id": f"random-{seed}-{number}",
            "doc": "Made at random; the model says what comes out.",
            "rules": RULES,
            "runtime": self.runtime_options(),
        }
        self.label_count = 0
        self.frames: list[Frame] = []
        self.home: dict[int, Frame] = {}  # of a step, by its identity
        self.retired: set[str] = set()  # contexts and scopes that may not be used again
        self.subscribers: list[str] = []
        self.needs: set[str] = set()
        is_small = "payload_budget" in self.case["runtime"]
        self.has_event_level = not is_small and self.chance(0.5)
        some = [name for name in REGISTRIES if self.has_event_level or name not in EVENT_LEVEL]
        focus = self.random.sample(some, 3)  # of which a case has more, so that chains are long
        self.registries = [SUBSCRIBER] * 4 + some + focus * 6
        self.outcomes = Answers(self.random, self.new_label)
        self.work = Work(self)
        self.session = Session(self.case, self.observe)

    def run(self) -> dict[str, Any]:
        count = self.random.randint(8, 30)
        steps = self.steps(Frame("main", {}, "case"), count)
        performed = self.session.run(steps)
        self.case["steps"] = settled(steps)
        if self.needs:
            self.case["needs"] = sorted(self.needs)
        lines = {label: performed.events.get(label, []) for label in self.subscribers}
        self.case["expect"] = {
            "events": lines,
            "calls": performed.calls,
            "stats": performed.stats,
        }
        return self.case

    def observe(self, step: Step, outcome: Outcome) -> None:
        """What came out becomes the expectation; an error may go on out of its callback."""
        expected = told_of(step, outcome)
        if isinstance(outcome.value, dict):  # what languages show in one way: texts that are there
            shown = {k: v for k, v in outcome.value.items() if k != "started_at" and v != ""}
            expected = {"out": shown}
        if '"$' in expected.get("value", {}).get("json", ""):  # only an event shows it so
            del expected["value"]
        if expected:
            step["expect"] = expected
        if "target" in step and not self.work.is_reached(step["target"]):
            del step["target"]
        error = outcome.error
        if error is None:
            return
        frame = self.home[id(step)]
        label = step.pop("as", None)
        if label in frame.opened:
            frame.opened.remove(label)
        is_as_it_was = not any(self.session.scopes[label].is_open for label in frame.opened)
        if self.may_go_on(error, frame) and is_as_it_was and self.chance(0.3):
            step["propagate"] = True
            for key in OUTCOMES:
                frame.script.pop(key, None)
            frame.script["propagate"] = True
            self.frames.remove(frame)

    def may_go_on(self, error: Failure, frame: Frame) -> bool:
        """Whether an error may go on out of a callback: its text has to be known."""
        if frame.of == "case" or self.session.runtime.abandoned:  # what is owed is flushed first
            return False
        if frame.of in ("consumer", "codec"):  # nothing there lets an error through
            return False
        if frame.of in MAY_EXIT and isinstance(error, HostCancellation):
            self.needs.add("subscriber_cancel")
        return not isinstance(error, RuntimeFailure) or error.is_fixed

    # Steps

    def steps(self, frame: Frame, count: int) -> Growing:
        """Steps in a frame, and the ends of what they opened in the frame's own context."""

        def make() -> Iterator[Step]:
            for step in self.wanted(frame, count):
                self.home[id(step)] = frame
                yield step

        return Growing(make)

    def wanted(self, frame: Frame, count: int) -> Iterator[Step]:
        self.frames.append(frame)
        if frame.of == "case":
            for _ in range(self.random.randint(1, 6)):
                yield self.register(frame, frame.context)
        for _ in range(count):
            if step := self.step(frame):
                yield step
            if self.session.runtime.abandoned:
                yield {"op": "runtime_flush"}
        if frame.of == "case" and self.chance(0.2):
            yield {"op": "runtime_close"}
            yield {"op": "scope_event", "args": {"name": "after"}}
        here = self.session.contexts[frame.context]
        for label in reversed(frame.opened if frame.of != "case" else []):
            scope = self.session.scopes[label]
            if scope.is_open or here.value is scope:
                yield {"op": "scope_pop", "on": label, "args": {"flags": ["close"]}}
        self.frames.remove(frame)

    def step(self, frame: Frame) -> Step | None:
        """One step; none where what was chosen cannot be done now."""
        makers = {
            self.push: 6,
            self.pop: 5,
            self.mark: 4,
            self.work.call: 6,
            self.work.stream: 3,
            self.work.begin: 2,
            self.work.finish: 2,
            self.work.help: 1,
            self.work.next: 1,
            self.register: 4,
            self.deregister: 1,
            self.fork: 2,
            self.root: 1,
            self.abandon: 1,
            self.flush: 1,
            self.look: 1,
        }
        (maker,) = self.random.choices(list(makers), list(makers.values()))
        context = self.some_context(frame)
        step = maker(frame, context)
        if step is None:
            return None
        if context != frame.context and "fork" not in step:
            step["context"] = context
        return step

    def push(self, frame: Frame, context: str) -> Step:
        label = self.new_label("s")
        kind: str | int = self.random.choice(SCOPE_TYPES)
        args: dict[str, Any] = {"name": label, "type": kind, **self.common_arguments()}
        if (kind == "custom" and self.chance(0.5)) or self.chance(0.02):
            args["subtype"] = "io"
        if self.chance(0.3):
            args["attributes"] = self.random.choice([["parallel"], ["relocatable", "parallel"], 4])
        if self.chance(0.5):
            args["input"] = self.payload()
        if self.chance(0.02):
            args["type"] = 11
        step = {"op": "scope_push", "as": label, "args": args}
        if context == frame.context:
            frame.opened.append(label)
        return step

    def pop(self, frame: Frame, context: str) -> Step | None:
        """Mostly what is current, else any scope, in whatever context it was opened."""
        scopes, here = self.session.scopes, self.session.contexts[context]
        labels = [label for label in self.ordinary_scopes() if scopes[label] is here.current]
        if not labels or self.chance(0.3):
            labels = self.ordinary_scopes()
        if frame.of in MAY_EXIT or frame.of.endswith("_guardrail"):
            labels = [label for label in labels if not is_running(scopes[label])]
        if not labels:
            return None
        args: dict[str, Any] = {}
        if self.chance(0.3):
            args["flags"] = ["close"]
        if self.chance(0.4):
            args["output"] = self.payload(null=False)
        if self.chance(0.3):
            args["metadata"] = self.metadata()
        if self.chance(0.3):
            args["status"] = self.random.choice(["unset", "ok", "error", "cancelled"])
        if args.get("status") == "error" and self.chance(0.6):
            args["error"] = random_error(self.random)
        if args.get("status") == "cancelled" and self.chance(0.6):
            args["error"] = {"type": "Cancelled", "message": "stop"}
        if self.chance(0.15):
            args["timestamp"] = self.timestamp()
        return {"op": "scope_pop", "on": self.random.choice(labels), "args": args}

    def mark(self, frame: Frame, context: str) -> Step:
        args = {"name": self.new_label("m"), **self.common_arguments()}
        if self.chance(0.5):
            args["data"] = self.payload()
        if self.chance(0.2):
            args["category"] = self.random.choice(["custom", "tool"])
            args["category_profile"] = {"json": '{"subtype": "x"}'}
        return {"op": "scope_event", "args": args}

    def register(self, frame: Frame, context: str) -> Step:
        """On the runtime or on a scope; sometimes on one that has ended, or under a taken name."""
        args: dict[str, Any] = {"name": self.random.choice("abcd")}
        registry = self.random.choice(self.registries)
        if REGISTRIES[registry].has_priority:
            args["priority"] = self.random.choice([-1, 0, 0, 0, 7])
        label = self.new_label("l" if registry == SUBSCRIBER else "g")
        args["callable"] = script = {"label": label}
        if registry == GATE:
            kinds = self.random.sample(CALL_NUMBERS, self.random.randint(1, len(CALL_NUMBERS)))
            args["kinds"] = sum(1 << (number - 1) for number in kinds)
            args["registration"] = self.random.choice("abcd")
        if registry.endswith("_request_intercept") and self.chance(0.1):
            script["break_chain"] = True
        if self.chance(0.2) and "_stream_" not in registry:
            script["native"] = self.outcomes.native(registry)
            self.needs.add("native")
        else:
            script["answers"] = self.answers(registry)
        if registry == SUBSCRIBER:
            self.subscribers.append(label)
        return {**self.owner(f"register_{registry}"), "args": args}

    def deregister(self, frame: Frame, context: str) -> Step | None:
        registry = self.random.choice(self.registries)
        args = {"name": self.random.choice("abcd")}
        return {**self.owner(f"deregister_{registry}"), "args": args}

    def owner(self, op: str) -> Step:
        if self.chance(0.5):
            return {"op": op}
        labels = [label for label in self.all_scopes() if label != "elsewhere"]
        return {"op": f"scope_{op}", "on": self.random.choice(labels)}

    def fork(self, frame: Frame, context: str) -> Step:
        return {"context": self.new_label("ctx"), "fork": context}

    def root(self, frame: Frame, context: str) -> Step | None:
        """A root of its own for a context, but not for that of a callback, which must leave it."""
        if frame.of != "case" and context == frame.context:
            return None
        return {"op": "scope_new_root", "as": self.new_label("root")}

    def abandon(self, frame: Frame, context: str) -> Step | None:
        """Lets go of a scope on which nothing rests but contexts that are not in use."""
        if frame.of != "case":
            return None
        session = self.session
        for label in self.random.sample(self.ordinary_scopes(), len(self.ordinary_scopes())):
            scope = session.scopes[label]
            holders = {c.name for c in session.contexts.values() if c.current is scope}
            if not scope.is_open or any(leads_to(s, scope) for s in session.scopes.values()):
                continue
            if holders & {"main", *(f.context for f in self.frames)}:
                continue
            self.retired |= {label, *holders}
            return {"abandon": label}
        return None

    def flush(self, frame: Frame, context: str) -> Step:
        return {"op": "runtime_flush"}

    def look(self, frame: Frame, context: str) -> Step:
        op = self.random.choice(["scope_is_open", "scope_describe"])
        labels = [label for label in self.all_scopes() if label != "elsewhere"]
        return {"op": op, "on": self.random.choice(labels)}

    # Callbacks

    def nested(self, frame: Frame) -> Growing:
        """The steps of a callback: often none, and none at all where callbacks are deep."""
        deep = len(self.frames) >= DEEPEST_FRAME
        return self.steps(frame, 0 if deep else self.random.choice([0, 0, 1, 2, LONGEST_FRAME]))

    def answers(self, registry: str) -> Growing:
        """Answers of a callable; the last one, which is given again, has no steps."""
        count = self.random.randint(0, 3)

        def make() -> Iterator[dict[str, Any]]:
            for i in range(count + 1):
                answer = self.outcomes.outcome(registry)
                if registry in MAY_EXIT and "cancel" in answer:
                    self.needs.add("subscriber_cancel")
                if i == count:
                    answer.pop("keep_next", None)  # one label for one `next`
                else:
                    # A callback is called in the context of the operation that is going on.
                    frame = Frame(self.calling, answer, registry)
                    answer["steps"] = self.nested(frame)
                yield answer

        return Growing(make)

    def frame(self, context: str, script: dict[str, Any], of: str) -> Frame:
        return Frame(context, script, of)

    def growing(self, make: Callable[[], Iterator[Any]]) -> Growing:
        return Growing(make)

    def is_deep(self) -> bool:
        """Whether callbacks lie so deep that nothing is to call more of them."""
        return len(self.frames) > DEEPEST_FRAME

    def was_registered(self, ending: str) -> bool:
        """Whether anything was, anywhere."""
        owners = [self.session.runtime.everywhere, *self.session.scopes.values()]
        return any(name.endswith(ending) for owner in owners for name in owner.registrations)

    # Choices

    @property
    def calling(self) -> str:
        """The context in which the callback that is being made will be called."""
        return self.session.operating[-1]

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def new_label(self, stem: str) -> str:
        self.label_count += 1
        return f"{stem}{self.label_count}"

    def some_context(self, frame: Frame) -> str:
        """The frame's own, or one in which nothing is going on."""
        busy = {f.context for f in self.frames}
        free = [name for name in self.session.contexts if name not in busy | self.retired]
        return self.random.choice(free) if free and self.chance(0.3) else frame.context

    def all_scopes(self) -> list[str]:
        return [label for label in self.session.scopes if label not in self.retired]

    def ordinary_scopes(self) -> list[str]:
        """All but roots."""
        return [label for label in self.all_scopes() if self.session.scopes[label].parent]

    def common_arguments(self) -> dict[str, Any]:
        args: dict[str, Any] = {}
        if self.chance(0.2):
            args["parent"] = self.random.choice(self.all_scopes())
        if self.chance(0.3):
            args["metadata"] = self.metadata()
        if self.chance(0.1):
            args["timestamp"] = self.timestamp()
        return args

    def payload(self, null: bool = True) -> dict[str, str]:
        value = random_payload(self.random, is_read_back=self.has_event_level)
        return self.payload(null) if not null and value == {"json": "null"} else value

    def metadata(self) -> dict[str, str]:
        return random_metadata(self.random, small="payload_budget" in self.case["runtime"])

    def timestamp(self) -> str:
        """Somewhere around the clock's next reading, in whole milliseconds."""
        runtime = self.session.runtime
        now = runtime.clock_start + runtime.clock_reads * runtime.clock_step
        return str((now // MILLISECOND + self.random.randint(-3, 3)) * MILLISECOND)

    def runtime_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"clock_step": self.random.choice(["1000000", "1000000", "0"])}
        if self.chance(0.2):
            options["payload_budget"] = self.random.randint(64, 120)
        return options


def leads_to(scope: Scope, other: Scope) -> bool:
    """Whether it lies below: some languages let a handle hold what its scope was opened under,
    also after the end."""
    seen: set[Scope] = set()
    links = [scope.parent, scope.opened_over, scope.inherits]
    while links:
        link = links.pop()
        if link is not None and link not in seen:
            seen.add(link)
            links += [link.parent, link.opened_over, link.inherits]
    return other in seen


def is_running(scope: Scope) -> bool:
    """Whether it is the span of a managed call: what is current in its target, once somebody who
    was told of the call has ended it, the contract does not say."""
    return scope.is_open and scope.call is not None and not scope.is_manual


def settled(value: Any) -> Any:
    """Plain lists and objects for JSON; what was never asked for is left out."""
    if isinstance(value, Growing):
        return [settled(item) for item in value.made]
    if not isinstance(value, dict):
        return value
    items = {key: settled(item) for key, item in value.items()}
    kept = ("out", "chunks", "next")  # an empty list there says something
    return {key: item for key, item in items.items() if item not in ([], {}) or key in kept}


def random_cases(seed: int) -> Iterator[dict[str, Any]]:
    """Cases without end; the same for the same seed."""
    cases = (Maker(seed, number).run() for number in itertools.count())
    return filter(is_settled_by_contract, cases)


def is_settled_by_contract(case: dict[str, Any]) -> bool:
    """Not too long, and no dropped stream that may leave marks: what a subscriber of its owed end
    does may come before or behind them."""
    steps = json.dumps(case["steps"])
    leaves_marks = '"then": "drop"' in steps and '"marks"' in steps
    return len(case["expect"]["calls"]) <= MOST_CALLS and not leaves_marks


def random_file(seed: int, count: int) -> dict[str, Any]:
    """A vector file of that many of them."""
    return file_of(list(itertools.islice(random_cases(seed), count)))


def file_of(cases: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "$schema": "schema.json",
        "format": 1,
        "module": "random",
        "doc": "Cases made at random.",
        "case_count": len(cases),
        "cases": cases,
    }


if __name__ == "__main__":
    json.dump(random_file(int(sys.argv[1]), int(sys.argv[2])), sys.stdout, ensure_ascii=False)
