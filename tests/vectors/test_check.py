"""The checks of the vector files see what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import answers  # noqa: E402

BOOM = {"type": "ValueError", "message": "boom"}


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (answers.GUARD, {"return": {"json": "1"}}),
        (answers.GUARD, {"refuse": "no", "raise": BOOM}),
        (answers.SUBSCRIBER, {"nothing": True}),
        (answers.SANITIZER, {"return": {"json": "null"}}),
        (answers.SANITIZER, {"return": {"json": "1"}, "edit": {"a": {"json": "1"}}}),
        (answers.SANITIZER, {"marks": [{"name": "m"}]}),
        (answers.REQUEST_INTERCEPT, {"nothing": True, "marks": [{"name": "m"}]}),
        (answers.EXECUTION_INTERCEPT, {"raise": BOOM, "marks": [{"name": "m"}]}),
        (answers.EXECUTION_INTERCEPT, {"next": []}),
        (answers.EXECUTION_INTERCEPT, {"next": [{"catch": True}]}),
        (answers.EXECUTION_INTERCEPT, {"next": [{"as": "a"}], "result_of": "b"}),
        (answers.EXECUTION_INTERCEPT, {"chunks": []}),
        (answers.STREAM_INTERCEPT, {"before": {"1": []}}),
        (answers.COLLECTOR, {"return": {"json": "1"}}),
    ],
)
def test_a_wrong_answer_is_seen(kind: answers.Kind, answer: dict[str, Any]) -> None:
    assert len(list(answers.findings(kind, answer))) == 1


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (answers.SANITIZER, {"edit": {"a": {"json": "1"}}, "remove": ["b"]}),
        (answers.EXECUTION_INTERCEPT, {"return": {"json": "null"}, "next": []}),
        (answers.EXECUTION_INTERCEPT, {"next": [{"as": "a"}, {"catch": True}], "result_of": "a"}),
        (answers.STREAM_INTERCEPT, {"next": [], "chunks": [], "raise": BOOM}),
    ],
)
def test_a_right_answer_is_let_through(kind: answers.Kind, answer: dict[str, Any]) -> None:
    assert list(answers.findings(kind, answer)) == []
