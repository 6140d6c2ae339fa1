import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  AtofExporter,
  InvalidArgument,
  InvalidState,
  LimitExceeded,
  Runtime,
  ScopeType,
} from "scopeflow";
import { listen } from "./helpers.mjs";

const noText = [undefined, null, 1, {}, Symbol("s"), Buffer.from("x")];
const noFunction = [undefined, null, 1, "f", {}];

describe("wrong arguments", () => {
  const { runtime, events } = listen();
  const scope = runtime.pushScope("s", ScopeType.Agent);
  const emitted = events.length;

  const wrong = {
    "a name that is no string": noText.flatMap((name) => [
      () => runtime.pushScope(name, ScopeType.Agent),
      () => runtime.event(name),
      () => runtime.toolCallExecuteSync(name, 1, () => 1),
      () => runtime.registerSubscriber(name, () => {}),
      () => runtime.deregisterSubscriber(name),
    ]),
    "a scope type that is none": [undefined, null, "agent", 1.5, NaN, -1, 11, 2 ** 32].map(
      (type) => () => runtime.pushScope("x", type),
    ),
    "attributes that are none": [-1, 0.5, "1", 4, 2 ** 32 + 1, 1n].flatMap((attributes) => [
      () => runtime.pushScope("x", ScopeType.Agent, { attributes }),
      () => runtime.toolCallExecuteSync("x", 1, () => 1, { attributes }),
    ]),
    "a parent that is no scope handle": [1, "uuid", () => {}].flatMap((parent) => [
      () => runtime.pushScope("x", ScopeType.Agent, { parent }),
      () => runtime.event("x", { parent }),
      () => runtime.toolCallExecuteSync("x", 1, () => 1, { parent }),
    ]),
    "a subtype of a scope that is not custom": [
      () => runtime.pushScope("x", ScopeType.Agent, { subtype: "y" }),
      () => runtime.pushScope("x", ScopeType.Custom, { subtype: 1 }),
    ],
    "a moment that is none": [NaN, 0.5, "now", {}, new Date(NaN), 2n ** 63n].map(
      (timestamp) => () => runtime.event("x", { timestamp }),
    ),
    "a function that is none": noFunction.flatMap((f) => [
      () => runtime.toolCallExecuteSync("x", 1, f),
      () => runtime.registerSubscriber("x", f),
      () => runtime.registerToolConditionalExecutionGuardrail("x", 0, f),
    ]),
    "a priority that is none": [undefined, "1", 0.5, 2 ** 31].map(
      (priority) => () => runtime.registerToolConditionalExecutionGuardrail("x", priority, () => 1),
    ),
    "an end that is none": [
      () => scope.pop({ status: 9 }),
      () => scope.pop({ flags: 2 }),
      () => scope.pop({ timestamp: 1n }),
      () => runtime.popScope(scope.uuid),
    ],
    "options of a runtime": [
      () => new Runtime({ payloadBudgetBytes: 1 }),
      () => new Runtime({ payloadBudgetBytes: "1" }),
      () => new Runtime({ clockStartNs: 0 }),
    ],
    "a scope that is none": [
      () => runtime.scopeRegisterSubscriber(undefined, "x", () => {}),
      () => runtime.scopeRegisterSubscriber({}, "x", () => {}),
    ],
  };

  for (const [what, calls] of Object.entries(wrong)) {
    test(`${what} is refused and nothing has happened`, () => {
      for (const call of calls) {
        assert.throws(call, (error) => error instanceof InvalidArgument, String(call));
      }
      assert.equal(events.length, emitted);
      assert.equal(runtime.getHandle(), scope);
    });
  }

  test("an async call rejects instead of throwing", async () => {
    await assert.rejects(
      runtime.toolCallExecute(1, 1, () => 1),
      InvalidArgument,
    );
    await assert.rejects(runtime.toolCallExecute("x", 1, 1), InvalidArgument);
    await assert.rejects(runtime.withScope("x", ScopeType.Agent, 1), InvalidArgument);
  });

  test("a message says what, and what was given", () => {
    assert.throws(() => runtime.event(7), { message: "name must be a string, not 7" });
    const type = () => runtime.pushScope("x", 11);
    assert.throws(type, { name: "InvalidArgument", code: "invalid_argument", status: 1003 });
  });

  test("names have a limit", () => {
    runtime.event("x".repeat(65_535));
    assert.throws(() => runtime.event("x".repeat(65_536)), LimitExceeded);
    assert.throws(() => runtime.event("ž".repeat(32_768)), LimitExceeded);
    assert.equal(events.at(-1).name.length, 65_535);
  });

  test("names of any length and script come through", () => {
    for (const name of [
      "",
      "\0",
      "a\0b",
      "\ufeffmark",
      "ž",
      "😀".repeat(80),
      "x".repeat(255),
      "x".repeat(256),
    ]) {
      runtime.event(name);
      assert.equal(events.at(-1).name, name);
    }
    runtime.event("a\ud800");
    assert.equal(events.at(-1).name, "a\ufffd");
  });

  test("a handle that was let go says so", () => {
    const lost = runtime.pushScope("lost", ScopeType.Function);
    lost.pop();
    lost.detach();
    assert.throws(() => lost.isOpen(), InvalidState);
  });

  test("the file exporter wants a mode that exists", () => {
    assert.throws(() => new AtofExporter({ mode: "replace" }), InvalidArgument);
  });
});
