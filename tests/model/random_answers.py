"""Answers of callables made at random: what each registry's callables may say, and mistakes."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from .random_values import CREDENTIALS, random_error, random_request, random_value

Answer = dict[str, Any]

EVENT_LEVEL = (
    "mark_sanitize_guardrail",
    "scope_sanitize_start_guardrail",
    "scope_sanitize_end_guardrail",
    "event_metadata_injector",
)
MAY_EXIT = ("subscriber", *EVENT_LEVEL)  # whose cancellation not every language can let through
WRONG_FOR_GUARDS = {
    "replace": "{}",
    "refused": {
        "status": "invalid_state",
        "message": "invalid state: guards, gates and subscribers have nothing to replace",
    },
}
WRONG_FOR_OTHERS = {
    "refuse": "no",
    "refused": {
        "status": "invalid_state",
        "message": "invalid state: only a guard or a gate can refuse",
    },
}
REFUSALS = ["no", "", "nö \U0001f600", 'q"\n']


def is_guard(registry: str) -> bool:
    return registry.endswith(("_conditional_execution_guardrail", "_middleware_guardrail"))


class Answers:
    """Makes single answers; `labels` gives names that the case has not used yet."""

    def __init__(self, random: Random, new_label: Any) -> None:
        self.random = random
        self.new_label = new_label

    def outcome(self, registry: str) -> Answer:
        """An answer without steps."""
        weights = {"raise": 1.0, "cancel": 0.3, "own": 6.0}
        (kind,) = self.random.choices(list(weights), list(weights.values()))
        if registry.endswith("_execution_intercept"):
            return self.execution(registry, kind)
        if kind != "own":
            return {kind: random_error(self.random, kind)}
        if is_guard(registry):
            return {"refuse": self.random.choice(REFUSALS)} if self.chance(0.25) else {}
        if registry.endswith(("_sanitize_request_guardrail", "_sanitize_response_guardrail")):
            return self.rewrite(registry, nothing=0.1)
        if registry.endswith("_request_intercept"):
            return self.request_intercept(registry)
        if registry in EVENT_LEVEL:
            return self.members() if registry == EVENT_LEVEL[-1] else self.fields()
        return {}

    def native(self, registry: str) -> Answer:
        """Of a callable in C: it looks on, answers, fails, or says what is not taken."""
        moments = ["before"]
        if registry.endswith("_execution_intercept"):
            moments.append("after")
        made = {}
        for moment in moments:
            count = self.random.randint(1, 3)
            some = [self.says(registry, moment) for _ in range(count)]
            # The last one is given again and again, and a retry would never end.
            made[moment] = [*some, {}] if moment == "after" else some
        return made

    def says(self, registry: str, moment: str) -> Answer:
        (kind,) = self.random.choices(["nothing", "own", "fail", "wrong"], [3, 5, 1, 1])
        if kind == "nothing":
            return {}
        if kind == "fail":
            status = self.random.choice(["plugin_error", "limit_exceeded", "internal"])
            message = self.random.choice(["boom", "", "nö"])
            return {"says": [{"fail": message, "status": status}]}
        if kind == "wrong":
            return {"says": [WRONG_FOR_GUARDS if is_guard(registry) else WRONG_FOR_OTHERS]}
        said = self.own_word(registry, moment)
        return {"says": [said]} if said else {}

    def own_word(self, registry: str, moment: str) -> Answer:
        if is_guard(registry):
            return {"refuse": self.random.choice(REFUSALS)}
        if registry == "subscriber":
            return {}
        is_request = registry in ("llm_request_intercept", "llm_sanitize_request_guardrail")
        if registry == "llm_execution_intercept" and moment == "before":
            is_request = True
        if registry.endswith("_execution_intercept"):
            decision = self.random.choice(
                ["replace", "short_circuit"] if moment == "before" else ["replace", "retry"]
            )
            if decision == "retry":
                return {"decide": "retry"}
            if decision == "short_circuit":
                return {"decide": decision, "json": self.value()["json"]}
        if registry in EVENT_LEVEL:
            return {"replace": json.dumps({"data": random_value(self.random)})}
        if registry == "tool_execution_intercept":
            return {"replace": self.new_value()["json"]}
        return {"replace": (random_request(self.random) if is_request else self.value())["json"]}

    def rewrite(self, registry: str, nothing: float) -> Answer:
        """What a sanitizer or intercept makes of a payload."""
        if self.chance(nothing):
            return {"nothing": True}
        if self.chance(0.3):
            return {}
        if registry in ("llm_sanitize_request_guardrail", "llm_request_intercept"):
            return self.llm_rewrite()
        if registry.endswith("response_guardrail") and self.chance(0.4):
            return {"return": {"json": '{"error":{"message":"***"}}'}}
        return {"return": self.value()}

    def llm_rewrite(self) -> Answer:
        """Sometimes what is no request; sometimes with credentials, which nobody may see."""
        if self.chance(0.1):
            return {"return": self.value()}
        if self.chance(0.5):
            return {"return": random_request(self.random)}
        key = self.random.choice(["headers/n", "content", *(f"headers/{n}" for n in CREDENTIALS)])
        edited = {"json": '"new"'} if key.startswith("headers") else self.value()
        return {"edit": {key: edited}}

    def request_intercept(self, registry: str) -> Answer:
        answer = self.rewrite(registry, nothing=0.05)
        if registry.startswith("llm") and self.chance(0.2):
            answer["annotated"] = {"json": json.dumps({"a": self.random.randint(0, 9)})}
        if "nothing" not in answer and self.chance(0.2):
            answer["marks"] = self.marks()
        return answer

    def execution(self, registry: str, kind: str) -> Answer:
        """How often `next` is called, with what, and what becomes of the results."""
        answer: Answer = {}
        is_stream = registry.startswith("llm_stream")
        most = 1 if is_stream else 3
        count = self.random.choices(range(most + 1), [1, 6, 2, 1][: most + 1])[0]
        nexts = [self.next(registry, i) for i in range(count)]
        if nexts != [{}]:
            answer["next"] = nexts
        if not is_stream and self.chance(0.2):
            answer["keep_next"] = self.new_label("n")
        given = [one["as"] for one in nexts if "as" in one and "catch" not in one]
        if kind != "own":
            answer[kind] = random_error(self.random, kind)
        elif given and self.chance(0.5):
            answer["result_of"] = self.random.choice(given)
        elif not nexts or "catch" in nexts[-1] or self.chance(0.2):
            answer |= {"chunks": self.chunks()} if is_stream else {"return": self.value()}
        if kind == "own" and self.chance(0.2):
            answer["marks"] = self.marks()
        return answer

    def next(self, registry: str, i: int) -> Answer:
        one: Answer = {}
        if self.chance(0.2):
            is_llm = registry.startswith("llm")
            one["request"] = random_request(self.random) if is_llm else self.new_value()
        if self.chance(0.3):
            one["as"] = f"r{i}"
        if self.chance(0.3):
            one["catch"] = True
        return one

    def fields(self) -> Answer:
        """Of an event sanitizer."""
        kind = self.random.choice(["edit", "return", "none", "none", "wrong", "nothing"])
        if kind == "edit":
            return {"edit": {"data": self.value()}}
        if kind == "return":
            fields = {"data": random_value(self.random), "metadata": {"by": "sanitizer"}}
            return {"return": {"json": json.dumps(fields)}}
        if kind == "wrong":
            return {"return": {"json": '[{"data":1}]'}}
        return {"nothing": True} if kind == "nothing" else {}

    def members(self) -> Answer:
        """Of an injector; some keys are those of others."""
        kind = self.random.choice(["members", "members", "none", "wrong", "nothing"])
        if kind == "members":
            keys = self.random.sample(["k", "host", "otel.status_code", "value"], 2)
            return {"return": {"json": json.dumps(dict.fromkeys(keys, "injected"))}}
        if kind == "wrong":
            return {"return": {"json": "[1]"}}
        return {"nothing": True} if kind == "nothing" else {}

    def marks(self) -> list[Answer]:
        marks = [
            {"name": self.new_label("p"), "data": self.value()}
            for _ in range(self.random.randint(1, 2))
        ]
        if self.chance(0.3):
            marks[0]["category"] = "custom"
            marks[0]["category_profile"] = {"json": '{"subtype": "x"}'}
            marks[0]["data_schema"] = {"json": '{"name": "s", "version": "1"}'}
        return marks

    def chunks(self) -> list[dict[str, str]]:
        return [{"json": json.dumps(i)} for i in range(self.random.randint(0, 3))]

    def codec(self) -> dict[str, Any]:
        """All actions, for any may be asked for."""

        def decoded() -> Answer:
            kind = self.random.choice(["ok", "ok", "ok", "ok", "raise", "nothing", "wrong"])
            if kind == "raise":
                return {"raise": random_error(self.random)}
            if kind == "nothing":
                return {"nothing": True}
            text = "[1]" if kind == "wrong" else json.dumps({"d": self.random.randint(0, 9)})
            return {"return": {"json": text}}

        fails = self.chance(0.2)
        encoded = (
            {"raise": random_error(self.random)}
            if fails
            else {"return": random_request(self.random)}
        )
        return {
            "label": self.new_label("c"),
            "decode_request": [decoded(), decoded()],
            "encode_request": [encoded],
            "decode_response": [decoded()],
        }

    def value(self) -> dict[str, str]:
        """Any payload but null, which is nothing in some languages."""
        value = random_value(self.random)
        return {"json": json.dumps("none" if value is None else value, ensure_ascii=False)}

    def new_value(self) -> dict[str, str]:
        """A container: whether two equal plain values are the same object (S3.7) differs."""
        return {"json": json.dumps([random_value(self.random)], ensure_ascii=False)}

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability
