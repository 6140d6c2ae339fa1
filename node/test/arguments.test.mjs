import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import {
  AtofExporter,
  InvalidArgument,
  InvalidState,
  LimitExceeded,
  llm,
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

  const request = { headers: {}, content: {} };
  const path = { outputDirectory: "nowhere" };
  /** What is wrong: what the message must begin with, and the calls. */
  const wrong = {
    "a name that is no string": [/^name /, noText.flatMap((name) => [
      () => runtime.pushScope(name, ScopeType.Agent),
      () => runtime.event(name),
      () => runtime.toolCallExecuteSync(name, 1, () => 1),
      () => runtime.registerSubscriber(name, () => {}),
      () => runtime.deregisterSubscriber(name),
    ])],
    "a scope type that is none": [/^scopeType /, [
      ...[undefined, null, "agent", 1.5, NaN, -1, 11, 2 ** 32],
    ].map((type) => () => runtime.pushScope("x", type))],
    "attributes that are none": [/^(invalid argument: )?attributes /, [
      ...[-1, 0.5, "1", 4, 2 ** 32 + 1, 1n],
    ].flatMap((attributes) => [
      () => runtime.pushScope("x", ScopeType.Agent, { attributes }),
      () => runtime.toolCallExecuteSync("x", 1, () => 1, { attributes }),
    ])],
    "a parent that is no scope handle": [/^parent /, [1, "uuid", () => {}].flatMap((parent) => [
      () => runtime.pushScope("x", ScopeType.Agent, { parent }),
      () => runtime.event("x", { parent }),
      () => runtime.toolCallExecuteSync("x", 1, () => 1, { parent }),
      () => runtime.toolCall("x", 1, parent),
    ])],
    "a subtype of a scope that is not custom": [/subtype/, [
      () => runtime.pushScope("x", ScopeType.Agent, { subtype: "y" }),
      () => runtime.pushScope("x", ScopeType.Custom, { subtype: 1 }),
    ]],
    "a moment that is none": [/^timestamp /, [
      ...[NaN, 0.5, "now", {}, new Date(NaN), 2n ** 63n],
    ].map((timestamp) => () => runtime.event("x", { timestamp }))],
    "a function that is none": [/^(func|callback|subscriber|tool cond\S+ guardrail) /, [
      ...noFunction,
    ].flatMap((f) => [
      () => runtime.toolCallExecuteSync("x", 1, f),
      () => runtime.llmCallExecuteSync("x", request, f),
      () => runtime.withScopeSync("x", ScopeType.Agent, f),
      () => runtime.registerSubscriber("x", f),
      () => runtime.registerToolConditionalExecutionGuardrail("x", 0, f),
    ])],
    "a priority that is none": [/^priority /, [
      ...[undefined, "1", 0.5, 2 ** 31],
    ].map((priority) =>
      () => runtime.registerToolConditionalExecutionGuardrail("x", priority, () => 1),
    )],
    "an end that is none": [/status|flags|timestamp|before its start|handle|options/, [
      () => scope.pop({ status: 9 }),
      () => scope.pop({ flags: 2 }),
      () => scope.pop({ timestamp: 1n }),
      () => scope.pop(5),
      () => scope.close(null),
      () => runtime.popScope(scope.uuid),
      () => runtime.toolCallEnd({}, 1),
      () => runtime.llmCallEnd(undefined, 1),
    ]],
    "a size of a runtime": [/payload(BudgetBytes|_budget_bytes) /, [
      () => new Runtime({ payloadBudgetBytes: 1 }),
      () => new Runtime({ payloadBudgetBytes: "1" }),
    ]],
    "a clock of a runtime": [/^clockStartNs /, [() => new Runtime({ clockStartNs: 0 })]],
    "headers of a runtime": [/^credentialHeaders /, [() => new Runtime({ credentialHeaders: 5 })]],
    "a log of a runtime": [/^log /, [() => new Runtime({ log: "console" })]],
    "options that are none": [/^(options|config) must be an object, not /, [
      () => new Runtime(5),
      () => new Runtime([]),
      () => new AtofExporter("events.jsonl"),
      () => new AtofExporter(null),
    ]],
    "a scope that is none": [/^(scope|owner) /, [
      () => runtime.scopeRegisterSubscriber(undefined, "x", () => {}),
      () => runtime.scopeRegisterSubscriber({}, "x", () => {}),
      () => runtime.registrations("uuid"),
    ]],
    "an id of a call": [/^toolCallId /, [
      () => runtime.toolCallExecuteSync("x", 1, () => 1, { toolCallId: 5 }),
      () => runtime.toolCall("x", 1, { toolCallId: 5 }),
    ]],
    "a name of a model": [/^modelName /, [
      () => runtime.llmCallExecuteSync("x", request, () => 1, { modelName: 5 }),
      () => runtime.llmCall("x", request, { modelName: 5 }),
      () => llm({ modelName: 5 })(function ask() {}),
    ]],
    "a request of a model": [/^request must be an LlmReq/, [undefined, 5, [], {}].flatMap((r) => [
      () => runtime.llmCallExecuteSync("x", r, () => 1),
      () => runtime.llmStreamCallExecuteSync("x", r, () => []),
      () => runtime.llmCall("x", r),
      () => runtime.llmRequestInterceptsSync("x", r),
    ])],
    "a codec": [/^(codec|responseCodec) /, [
      () => runtime.llmCallExecuteSync("x", request, () => 1, { codec: 5 }),
      () => runtime.llmCallExecuteSync("x", request, () => 1, { codec: "none" }),
      () => runtime.llmCallExecuteSync("x", request, () => 1, { responseCodec: {} }),
    ]],
    "what works on chunks": [/^(collector|finalizer) /, [
      () => runtime.llmStreamCallExecuteSync("x", request, () => [], { collector: 5 }),
      () => runtime.llmStreamCallExecuteSync("x", request, () => [], { finalizer: 5 }),
    ]],
    "a signal": [/^signal /, [
      () => runtime.toolCallExecuteSync("x", 1, () => 1, { signal: 5 }),
      () => runtime.toolCallExecuteSync("x", 1, () => 1, { signal: { aborted: true } }),
    ]],
    "what a mark is about": [/^(category|categoryProfile|dataSchema|severity) /, [
      () => runtime.event("x", { category: 5 }),
      () => runtime.event("x", { categoryProfile: 5 }),
      () => runtime.event("x", { categoryProfile: [] }),
      () => runtime.event("x", { dataSchema: "x" }),
      () => runtime.event("x", { severity: 9 }),
    ]],
    "what an exporter is told": [/^(mode|filename|outputDirectory|output|queueLimitBytes) /, [
      () => new AtofExporter({ ...path, mode: "replace" }),
      () => new AtofExporter({ ...path, filename: 5 }),
      () => new AtofExporter({ outputDirectory: null }),
      () => new AtofExporter({ output: 5 }),
      () => new AtofExporter({ ...path, queueLimitBytes: "8" }),
    ]],
  }; // prettier-ignore

  for (const [what, [message, calls]] of Object.entries(wrong)) {
    test(`${what} is refused by name and nothing has happened`, () => {
      for (const call of calls) {
        assert.throws(call, { code: "invalid_argument", message }, String(call));
      }
      assert.equal(events.length, emitted);
      assert.equal(runtime.getHandle(), scope);
      assert(!existsSync("nowhere"));
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
    assert.throws(type, {
      ...{ name: "InvalidArgument", code: "invalid_argument", status: 1003 },
      message: "scopeType is 11, which is no scope type",
    });
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
});
