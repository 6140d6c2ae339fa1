import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  deregisterSubscriber,
  LogSeverity,
  metric,
  MetricKind,
  MetricValueType,
  registerSubscriber,
} from "scopeflow";
import { listen } from "./helpers.mjs";

const { Counter, Gauge, Histogram, UpDownCounter } = MetricKind;
const { F64, I64, U64 } = MetricValueType;
const tokens = { name: "llm.tokens", kind: Counter, valueType: U64, value: 812 };

/** What a metric has emitted. */
function emitted(...given) {
  const events = [];
  registerSubscriber("metrics", (event) => events.push(event));
  try {
    metric(...given);
  } finally {
    deregisterSubscriber("metrics");
  }
  return events;
}

describe("metrics", () => {
  test("a mark says what was measured, and that it follows the schema", () => {
    const waits = { name: "waits", kind: Histogram, valueType: F64, value: 0.5, unit: "s" };
    const more = { boundaries: [0.1, 1], attributes: { tool: "t", ok: [true, false] } };
    const [mark] = emitted("usage", [tokens, { ...waits, ...more }], null, { m: 1 }, 1000);
    assert.equal(mark.name, "usage");
    assert.deepEqual(mark.data_schema, { name: "nemo.relay.metric_measurements", version: "1" });
    assert.deepEqual(mark.data.measurements, [
      { name: "llm.tokens", kind: "counter", value_type: "u64", value: 812 },
      { name: "waits", kind: "histogram", value_type: "f64", value: 0.5, unit: "s", ...more },
    ]);
    assert.deepEqual(mark.metadata, { m: 1 });
    assert.equal(mark.timestamp, "1970-01-01T00:00:00.001000000Z");
    const wide = { ...tokens, value: 2n ** 63n - 1n };
    assert(emitted("wide", [wide])[0].json.includes('"value":9223372036854775807'));
  });

  test("what is wrong is told, and nothing is emitted", () => {
    const wrong = [
      [{ name: "1" }, /name must be a letter/],
      [{ name: undefined }, /name must be a letter/],
      [{ kind: 9 }, /kind must be a MetricKind, not 9/],
      [{ valueType: I64 }, /valueType of a counter must be u64, f64/],
      [{ kind: UpDownCounter }, /valueType of a up_down_counter must be i64, f64/],
      [{ value: -1 }, /value must be 0 or more, not -1/],
      [{ value: 1.5 }, /value must be an integer up to 9223372036854775807, not 1.5/],
      [{ value: "1" }, /value must be an integer/],
      [{ valueType: F64, value: Infinity }, /value must be a finite number, not Infinity/],
      [{ unit: "µs" }, /unit must be ASCII/],
      [{ description: 1 }, /description must be a string/],
      [{ attributes: { a: [1, "b"] } }, /attribute "a" must be/],
      [{ attributes: { a: null } }, /attribute "a" must be/],
      [{ boundaries: [1] }, /boundaries are of histograms, not of a counter/],
      [{ kind: Histogram, boundaries: [1, 1] }, /each boundary must be greater/],
      [{ kind: Histogram, boundaries: [NaN] }, /boundaries must be finite/],
      [{ kind: Histogram, boundaries: Array(65).fill(1) }, /at most 64/],
    ];
    for (const [change, message] of wrong) {
      const given = { ...tokens, ...change };
      assert.throws(() => metric("m", [given]), { code: "invalid_argument", message });
    }
    for (const none of [[], undefined, {}, [null], [5]]) {
      assert.throws(() => metric("m", none), { code: "invalid_argument" });
    }
    const other = { ...tokens, name: "LLM.tokens", kind: Gauge };
    assert.throws(() => metric("m", [tokens, other]), { message: /stands here twice/ });
  });
});

describe("the severity of a mark", () => {
  test("stands in its metadata", () => {
    const { runtime, events } = listen();
    const metadata = { m: 1 };
    runtime.event("a", { metadata, severity: LogSeverity.Warn });
    runtime.event("b", null, 1, null, null, { name: "s", version: "1" }, LogSeverity.Trace);
    runtime.event("c", { metadata: 5 });
    assert.deepEqual(events[0].metadata, { m: 1, "nemo_relay.log.severity": "warn" });
    assert.deepEqual(metadata, { m: 1 });
    assert.deepEqual(events[1].metadata, { "nemo_relay.log.severity": "trace" });
    assert.deepEqual(events[1].data_schema, { name: "s", version: "1" });
    assert.equal(events[2].metadata, 5);
  });

  test("needs metadata that is an object, and must be one", () => {
    const { runtime, events } = listen();
    const severity = LogSeverity.Error;
    for (const metadata of [5, "text", [1]]) {
      assert.throws(() => runtime.event("m", { metadata, severity }), /metadata that is an object/);
    }
    assert.throws(() => runtime.event("m", { severity: 9 }), /severity must be a LogSeverity/);
    assert.throws(() => runtime.event("m", { severity: "Warn" }), /severity must be/);
    assert.deepEqual(events, []);
  });
});
