"""Calls made at random: managed ones, streams, those of the application, and the helpers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .random_values import random_error, random_request

if TYPE_CHECKING:
    from .random_cases import Frame, Growing, Maker

Step = dict[str, Any]
STOP = {"type": "Cancelled", "message": "stop"}


class Work:
    """The steps that have to do with calls, for the maker of a case."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.random = maker.random

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def is_reached(self, target: dict[str, Any]) -> bool:
        """Whether a target was asked for anything."""
        return any(target[key].has_begun for key in ("steps", "answers") if key in target)

    # Managed calls

    def call(self, frame: Frame, context: str) -> Step | None:
        if self.maker.is_deep():
            return None
        kind = self.random.choice(["tool", "tool", "llm"])
        args = self.arguments(kind)
        if self.chance(0.2):
            args["data"] = self.maker.payload()
        span = self.maker.new_label("t")
        target: dict[str, Any] = {"as": span, "label": span}
        if self.maker.was_registered("_execution_intercept"):  # which may reach it again
            target["answers"] = self.targets(context)
        else:
            target |= self.ending()
            target["steps"] = self.maker.nested(self.maker.frame(context, target, "target"))
        return {"op": f"{kind}_execute", "args": args, "target": target}

    def targets(self, context: str) -> Growing:
        """What a target does each time that it is reached."""
        maker = self.maker
        count = self.random.randint(0, 2)

        def make() -> Any:
            for i in range(count + 1):
                answer = self.ending()
                if i < count:
                    frame = maker.frame(maker.calling, answer, "target")
                    answer["steps"] = maker.nested(frame)
                yield answer

        return maker.growing(make)

    def ending(self) -> dict[str, Any]:
        (kind,) = self.random.choices(["return", "raise", "cancel"], [6, 2, 1])
        if kind == "return":
            return {"return": {"json": "null"} if self.chance(0.1) else self.maker.payload()}
        return {kind: random_error(self.random) if kind == "raise" else STOP}

    def arguments(self, kind: str) -> dict[str, Any]:
        maker = self.maker
        args = {
            "name": self.random.choice(["search", "fetch", "grüß"]),
            "request": maker.payload() if kind == "tool" else random_request(self.random),
            **maker.common_arguments(),
        }
        if self.chance(0.2):
            names = ["remote"] if kind == "tool" else ["stateful"]
            args["attributes"] = self.random.choice([names, names, 2 if kind == "tool" else 4])
        if self.chance(0.2):
            args["tool_call_id" if kind == "tool" else "model_name"] = maker.new_label("id_")
        if kind == "llm" and self.chance(0.2):
            args["codec"] = maker.outcomes.codec()
        if kind == "llm" and self.chance(0.2):
            args["response_codec"] = maker.outcomes.codec()
        return args

    # Streams

    def stream(self, frame: Frame, context: str) -> Step | None:
        """A producer, and a consumer that may stop before it has everything."""
        if self.maker.is_deep():
            return None
        maker = self.maker
        args = self.arguments("llm")
        if self.chance(0.3):
            args["flags"] = ["chunk_marks"]
        span = maker.new_label("t")
        target: dict[str, Any] = {"as": span, "label": span}
        target["steps"] = maker.nested(maker.frame(context, target, "target"))
        (kind,) = self.random.choices(["chunks", "raise", "cancel"], [8, 2, 1])
        if kind == "chunks" or self.chance(0.5):
            target["chunks"] = maker.outcomes.chunks()
            target["before"] = self.numbered(context, "consumer", 1, len(target["chunks"]) + 1)
        if kind != "chunks":
            target[kind] = random_error(self.random) if kind == "raise" else STOP
        step = {"op": "llm_stream_execute", "args": args, "target": target}
        if self.chance(0.5):
            step["collector"] = {"label": maker.new_label("k"), "answers": self.taking(context)}
        if self.chance(0.7):
            step["finalizer"] = {"label": maker.new_label("f"), "answers": self.summing(context)}
        way: dict[str, Any] = {}
        if self.chance(0.3):
            then = "drop" if frame.of == "case" and self.chance(0.5) else "close"
            way = {"take": self.random.randint(0, 2), "then": then}
        way["between"] = self.numbered(context, "consumer", 0, way.get("take", 3))
        return {**step, "consume": way}

    def numbered(self, context: str, of: str, first: int, last: int) -> dict[str, Any]:
        """Steps at some of these numbers."""
        maker = self.maker
        some = [i for i in range(first, last + 1) if self.chance(0.2)]
        return {str(i): maker.nested(maker.frame(context, {}, of)) for i in some}

    def taking(self, context: str) -> list[dict[str, Any]]:
        """A collector's answers."""
        answer: dict[str, Any] = {}
        if self.chance(0.2):
            answer = {"raise": random_error(self.random)}
        elif self.chance(0.1):
            answer = {"cancel": STOP}
        return [{}, answer] if self.chance(0.5) else [answer]

    def summing(self, context: str) -> list[dict[str, Any]]:
        """A finalizer's answer."""
        (kind,) = self.random.choices(["return", "raise", "cancel", "nothing"], [6, 1, 0.5, 1])
        if kind == "return":
            return [{"return": self.maker.payload(null=False)}]
        if kind == "nothing":
            return [{}]
        return [{kind: random_error(self.random) if kind == "raise" else STOP}]

    # Calls of the application, and what stands alone

    def begin(self, frame: Frame, context: str) -> Step:
        kind = self.random.choice(["tool", "llm"])
        args = self.arguments(kind)
        args.pop("response_codec", None)
        if kind == "llm" and self.chance(0.3):
            args["annotated_request"] = {"json": '{"given":1}'}
        return {"op": f"{kind}_call", "as": self.maker.new_label("c"), "args": args}

    def finish(self, frame: Frame, context: str) -> Step | None:
        """Mostly a call that is open, of its own kind; sometimes anything."""
        maker, scopes = self.maker, self.maker.session.scopes
        labels = [name for name in maker.ordinary_scopes() if scopes[name].is_manual]
        if self.chance(0.1):
            labels = maker.ordinary_scopes()
        if not labels:
            return None
        label = self.random.choice(labels)
        kind = "llm" if scopes[label].type == "llm" else "tool"
        if self.chance(0.05):
            kind = self.random.choice(["tool", "llm"])
        args: dict[str, Any] = {}
        for name, probability in (("response", 0.6), ("data", 0.2)):
            if self.chance(probability):
                args[name] = maker.payload(null=False)
        if self.chance(0.3):
            args["metadata"] = maker.metadata()
        if self.chance(0.4):
            args["status"] = self.random.choice(["unset", "ok", "error", "cancelled"])
        if args.get("status") == "error" and self.chance(0.6):
            args["error"] = random_error(self.random)
        if kind == "llm" and self.chance(0.3):
            args["annotated_response"] = {"json": '{"given":2}'}
        if kind == "llm" and self.chance(0.3):
            args["response_codec"] = maker.outcomes.codec()
        return {"op": f"{kind}_call_end", "on": label, "args": args}

    def help(self, frame: Frame, context: str) -> Step:
        """The request intercepts alone, or the guards."""
        kind = self.random.choice(["tool", "llm"])
        op = self.random.choice(["request_intercepts", "conditional_execution"])
        request = self.maker.outcomes.value() if kind == "tool" else random_request(self.random)
        return {"op": f"{kind}_{op}", "args": {"name": "alone", "request": request}}

    def next(self, frame: Frame, context: str) -> Step | None:
        """A `next` that an intercept has kept: still good, or too late."""
        kept = list(self.maker.session.continuations)
        if not kept or context != frame.context or self.maker.is_deep():
            return None
        return {"next": self.random.choice(kept)}
