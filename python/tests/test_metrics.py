"""Measurements as marks, and how grave a mark is."""

from __future__ import annotations

import json

import pytest

import scopeflow
from scopeflow import (
    InterceptOutcome,
    LogSeverity,
    MetricKind,
    MetricMeasurement,
    MetricValueType,
    PendingMarkSpec,
    ScopeType,
    scope,
    subscribers,
)

KEY = "nemo_relay.log.severity"
TOKENS = MetricMeasurement("llm.tokens", MetricKind.Counter, MetricValueType.U64, 812, "{token}")


@pytest.fixture
def marks():
    events = []
    with subscribers.subscriber("marks", events.append):
        yield events


# --- Severity ---


@pytest.mark.parametrize("severity", list(LogSeverity))
def test_a_mark_says_how_grave_it_is(marks, severity):
    metadata = {"a": 1}
    scope.event("m", metadata=metadata, severity=severity)
    assert metadata == {"a": 1}
    assert marks[0].severity is severity
    assert json.loads(marks[0].to_json())["metadata"] == {"a": 1, KEY: severity.name.lower()}


@pytest.mark.parametrize(
    ("metadata", "severity"),
    [
        ({KEY: " Warning "}, LogSeverity.Warn),
        ({KEY: "nonsense"}, None),
        ({KEY: 7}, None),
        ({"other": "info"}, None),
        (["info"], None),
        (None, None),
    ],
)
def test_what_stands_in_the_metadata_is_read(marks, metadata, severity):
    scope.event("m", metadata=metadata)
    assert marks[0].severity is severity


def test_a_severity_of_another_kind(marks):
    with pytest.raises(TypeError, match="severity must be LogSeverity, not str"):
        scope.event("m", severity="info")
    with pytest.raises(scopeflow.InvalidArgument, match="metadata that is a dict, not list"):
        scope.event("m", metadata=[1], severity=LogSeverity.Info)
    assert marks == []


def test_a_pending_mark_too(runtime, log):
    mark = PendingMarkSpec("p", metadata={"a": 1}, severity=LogSeverity.Error)
    assert (mark.severity, mark.metadata) == (LogSeverity.Error, {"a": 1, KEY: "error"})
    assert PendingMarkSpec("p").severity is None
    runtime.register_tool_execution_intercept(
        "i", 1, lambda name, args, next: InterceptOutcome(next(args), [mark])
    )
    runtime.tool_execute_sync("t", 1, str)
    assert log.named("p").severity is LogSeverity.Error


# --- Measurements ---


def test_a_metric_is_a_mark(marks):
    with scope.scope("outer", ScopeType.Function) as outer:
        scope.metric(
            "usage",
            [
                TOKENS,
                MetricMeasurement(
                    "latency/ms",
                    MetricKind.Histogram,
                    MetricValueType.F64,
                    1.5,
                    description="how long",
                    attributes={"model": "m", "tags": ["a", "b"], "ok": True},
                    boundaries=(1, 2.5),
                ),
            ],
            metadata={"a": 1},
            timestamp=1_700_000_000_000_000_000,
        )
    (mark,) = (event for event in marks if event.kind == "mark")
    assert (mark.name, mark.parent_uuid, mark.metadata) == ("usage", outer.uuid, {"a": 1})
    assert mark.timestamp_ns == 1_700_000_000_000_000_000
    assert mark.data_schema == {"name": "nemo.relay.metric_measurements", "version": "1"}
    tokens, latency = mark.data["measurements"]
    assert tokens == {
        "name": "llm.tokens",
        "kind": "counter",
        "value_type": "u64",
        "value": 812,
        "unit": "{token}",
    }
    assert latency["attributes"] == {"model": "m", "tags": ["a", "b"], "ok": True}
    assert latency["boundaries"] == [1, 2.5]
    assert "llm.tokens" in repr(TOKENS)


RIGHT = {"name": "n", "kind": "gauge", "value_type": "f64", "value": 1.0}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "1n"}, "name must be a letter"),
        ({"name": "n" * 256}, "name must be a letter"),
        ({"name": 7}, "name must be a letter"),
        ({"kind": "sum"}, "kind must be one of counter, up_down_counter, gauge, histogram"),
        ({"kind": "counter", "value_type": "i64"}, "value_type of a counter must be u64, f64"),
        ({"kind": "up_down_counter", "value_type": "u64"}, "must be i64, f64, not 'u64'"),
        ({"value": float("nan")}, "value must be a finite number"),
        ({"value": "1"}, "value must be a finite number"),
        ({"value_type": "u64", "value": 1.5}, "value must be an integer"),
        ({"value_type": "u64", "value": True}, "value must be an integer"),
        ({"value_type": "i64", "value": 2**63}, "value must be an integer up to"),
        ({"value_type": "u64", "value": -1}, "value must be 0 or more"),
        ({"kind": "counter", "value": -0.5}, "value must be 0 or more"),
        ({"unit": "\u00e9"}, "unit must be ASCII"),
        ({"unit": "u" * 64}, "unit must be ASCII of at most 63"),
        ({"description": 7}, "description must be str"),
        ({"attributes": {"a": {}}}, "attribute 'a' must be"),
        ({"attributes": {"a": []}}, "attribute 'a' must be"),
        ({"attributes": {"a": [1, "b"]}}, "attribute 'a' must be"),
        ({"attributes": {7: 1}}, "attribute 7 must be"),
        ({"boundaries": [1]}, "boundaries are of histograms"),
        ({"kind": "histogram", "boundaries": range(65)}, "at most 64 boundaries, not 65"),
        ({"kind": "histogram", "boundaries": [2, 1]}, "greater than the one before"),
        ({"kind": "histogram", "boundaries": [1, 1]}, "greater than the one before"),
        ({"kind": "histogram", "boundaries": [1, "2"]}, "boundaries must be finite"),
        ({"attributes": {"a": float("nan")}}, "attribute 'a' must be"),
        ({"attributes": {"a": [1.5, float("inf")]}}, "attribute 'a' must be"),
        ({"unit": 7}, "unit must be ASCII"),
        ({"value_type": "i64", "value": -(2**63)}, "value must be an integer up to"),
        ({"kind": "histogram", "boundaries": [float("inf")]}, "boundaries must be finite"),
    ],
)
def test_measurements_that_are_wrong(wrong, message):
    with pytest.raises(ValueError, match=message) as caught:
        MetricMeasurement(**{**RIGHT, **wrong})
    assert isinstance(caught.value, scopeflow.InvalidArgument)


def test_measurements_at_their_limits():
    MetricMeasurement("n" * 255, "counter", "u64", 2**63 - 1, "u" * 63)
    MetricMeasurement("n", "up_down_counter", "i64", -(2**63) + 1)
    for kind, value_type in (("counter", "u64"), ("counter", "f64"), ("gauge", "u64")):
        MetricMeasurement("n", kind, value_type, 0)
    MetricMeasurement("n", "gauge", "f64", -0.5, attributes={"a": [1, 2], "b": (True,), "c": ""})
    MetricMeasurement("n", "histogram", "f64", 1, boundaries=range(64))


def test_metrics_that_are_wrong(marks):
    with pytest.raises(scopeflow.InvalidArgument, match="at least one"):
        scope.metric("m", [])
    with pytest.raises(TypeError, match="must be MetricMeasurement, not dict"):
        scope.metric("m", [RIGHT])
    for other in (
        MetricMeasurement("LLM.Tokens", MetricKind.Gauge, MetricValueType.U64, 1, "{token}"),
        MetricMeasurement("LLM.Tokens", MetricKind.Counter, MetricValueType.F64, 1, "{token}"),
        MetricMeasurement("LLM.Tokens", MetricKind.Counter, MetricValueType.U64, 1, "{word}"),
    ):
        with pytest.raises(scopeflow.InvalidArgument, match="stands here twice"):
            scope.metric("m", [TOKENS, other])
    assert marks == []
    scope.metric("m", [TOKENS, TOKENS])
    with pytest.raises(AttributeError, match="nonsense"):
        _ = scope.nonsense
