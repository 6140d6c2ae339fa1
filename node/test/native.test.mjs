// Middleware in C (ADR 0020) inside Node: under promises, in one chain with JavaScript's own, and
// with JavaScript's own objects and errors at both ends.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import * as scopeflow from "scopeflow";
import { GuardrailRejected, Registry, Runtime, ScopeType } from "scopeflow";
import { collect, countRefs, engine, listen, outline } from "./helpers.mjs";

const isNative = scopeflow.core.kind === "native";
const native = isNative ? await import("./native-callables.mjs") : undefined;
const search = async (request) => ({ found: request });

function register(...given) {
  return new native.Registered(...given);
}

test("the WebAssembly core says that it has none", { skip: isNative }, () => {
  const runtime = new Runtime();
  const refused = { code: "invalid_state", message: /needs the native core/ };
  assert.throws(() => scopeflow.extensions.functions(), refused);
  assert.throws(() => runtime.nativeHandle, refused);
  assert.throws(() => runtime.root().nativeHandle, refused);
});

/** Of two callables one that is removed; nothing but the handle in `held` refers to the runtime. */
function begin() {
  const runtime = new Runtime();
  const names = ["removed", "kept"];
  const kept = names.map((name) => register(runtime, Registry.Subscriber, "count", { name }));
  runtime.deregisterSubscriber("removed");
  return { kept, held: [runtime.nativeHandle] };
}

test("the headers for addons come with the package", () => {
  for (const name of ["scopeflow.h", "node.h"]) {
    assert(existsSync(join(scopeflow.extensions.getInclude(), "scopeflow", name)));
  }
});

describe("middleware in C", { skip: !isNative }, () => {
  test("a guard refuses, among calls that run at once", async () => {
    const runtime = new Runtime();
    const guard = register(runtime, Registry.ToolConditionalExecutionGuardrail, "run", {
      run: (json) => (JSON.parse(json) % 2 ? { refuse: `no ${json}` } : undefined),
    });
    const calls = [0, 1, 2, 3].map((n) => runtime.toolCallExecute("search", n, search));
    const settled = await Promise.allSettled(calls);
    assert.deepEqual(
      settled.map(({ value, reason }) => value?.found ?? reason.reason),
      [0, "no 1", 2, "no 3"],
    );
    assert(settled[1].reason instanceof GuardrailRejected);
    assert.equal(settled[1].reason.message, "guardrail rejected: no 1");
    assert.equal(guard.runs, 4);
  });

  test("it is one chain with JavaScript's", async () => {
    const runtime = new Runtime();
    const order = [];
    const guard = Registry.ToolConditionalExecutionGuardrail;
    const note = (name) => ({ name, run: () => void order.push(name) });
    runtime.registerToolConditionalExecutionGuardrail("c", 3, async () => void order.push("c"));
    register(runtime, guard, "run", { ...note("b"), priority: 2 });
    register(runtime, guard, "run", { ...note("d"), priority: 4 });
    runtime.registerToolConditionalExecutionGuardrail("a", 1, () => void order.push("a"));
    await runtime.toolCallExecute("search", 1, search);
    assert.deepEqual(order, ["a", "b", "c", "d"]);
    assert.throws(() => register(runtime, guard, "count", { name: "a" }), { code: "1001" });
  });

  test("what nobody changes is the caller's own object", async () => {
    const { runtime } = listen();
    const kinds = ["ToolConditionalExecutionGuardrail", "ToolRequestIntercept"];
    kinds.push("ToolExecutionIntercept", "ToolSanitizeRequestGuardrail");
    const all = kinds.map((kind) => register(runtime, Registry[kind], "count"));
    const request = { q: Symbol("own") };
    const result = {};
    const target = (given) => (assert.equal(given, request), result);
    assert.equal(await runtime.toolCallExecute("search", request, target), result);
    assert.deepEqual(all.map((one) => one.runs), [1, 1, 2, 1]);
  });

  test("an intercept rewrites, and a sanitizer hides from observers only", async () => {
    const { runtime, events } = listen();
    register(runtime, Registry.ToolRequestIntercept, "replace", {
      text: '{"card":"4111","n":12345678901234567890,"__proto__":1}',
    });
    register(runtime, Registry.ToolSanitizeRequestGuardrail, "redact");
    const { found } = await runtime.toolCallExecute("search", {}, search);
    assert.equal(found.card, "4111");
    assert.deepEqual(found, JSON.parse('{"card":"4111","n":12345678901234567890,"__proto__":1}'));
    assert.equal(events[0].data.card, "****");
    assert.equal(events[1].data.found.card, "4111");
  });

  test("a request of an LLM call is made anew, without what does not belong to it", async () => {
    const { runtime } = listen();
    register(runtime, Registry.LlmRequestIntercept, "replace", {
      text: '{"content":[1],"headers":{"a":"b"},"more":2}',
    });
    const request = { headers: {}, content: {} };
    const seen = await runtime.llmCallExecute("gpt", request, async (given) => given);
    assert.deepEqual(seen, { headers: { a: "b" }, content: [1] });
  });

  test("it gets a payload whole, whatever an event has room for", () => {
    const { runtime, events } = listen({ payloadBudgetBytes: 64 });
    const text = "x".repeat(20);
    register(runtime, Registry.ToolRequestIntercept, "run", { run: (json) => ({ replace: json }) });
    const request = Array.from({ length: 50 }, () => text);
    const given = runtime.toolCallExecuteSync("search", request, (request) => request);
    assert.deepEqual(given, request);
    assert.deepEqual(events[0].data.at(-1), { $truncated: 64 });
  });

  test("a stream has it, too", async () => {
    const { runtime, events } = listen();
    register(runtime, Registry.LlmConditionalExecutionGuardrail, "count");
    register(runtime, Registry.LlmSanitizeResponseGuardrail, "redact");
    const request = { headers: {}, content: {} };
    const options = { finalizer: () => ({ all: "1 and 2" }) };
    const chunks = [];
    const stream = await runtime.llmStreamCallExecute("gpt", request, () => [1, 2], options);
    for await (const chunk of stream) chunks.push(chunk);
    assert.deepEqual(chunks, [1, 2]);
    assert.deepEqual(events.at(-1).data, { all: "* and *" });
  });

  test("a target that is awaited is tried again, in its own span", async () => {
    const { runtime, events } = listen();
    const intercept = register(runtime, Registry.ToolExecutionIntercept, "retry");
    const spans = [];
    const flaky = async () => {
      await null;
      spans.push(runtime.getHandle());
      if (spans.length < 3) throw new Error(`failure ${spans.length}`);
      return "at last";
    };
    assert.equal(await runtime.toolCallExecute("search", {}, flaky), "at last");
    assert.equal(new Set(spans).size, 1);
    assert.equal(spans[0].name, "search");
    const marks = ["attempt:mark", "attempt:mark"];
    assert.deepEqual(outline(events), ["search:start", ...marks, "search:end"]);
    assert.deepEqual(events.slice(1, 3).map((event) => event.data), [{ n: 2 }, { n: 3 }]);
    assert.equal(intercept.runs, 4);
    assert.equal(runtime.getHandle(), runtime.root());

    const last = new TypeError("always");
    const always = runtime.llmCallExecute("gpt", { headers: {}, content: {} }, () => {
      throw last;
    });
    await assert.rejects(always, (error) => error === last);
    assert.throws(
      () => runtime.toolCallExecuteSync("search", {}, () => { throw last; }),
      (error) => error === last,
    );
  });

  test("results are cut short and replaced, around JavaScript's intercepts", async () => {
    const { runtime, events } = listen();
    const around = Registry.ToolExecutionIntercept;
    register(runtime, around, "replaceRequest", { priority: 1, text: '{"q":2}' });
    const request = { q: 1 };
    runtime.registerToolExecutionIntercept("js", 2, async (given, next) => {
      assert.deepEqual(given, { q: 2 });
      return next(request); // What the start event shows is known again (S3.7).
    });
    assert.deepEqual(await runtime.toolCallExecute("search", request, search), { found: request });
    assert.deepEqual(outline(events), ["search:start", "search:end"]);
    register(runtime, around, "replaceResult", { priority: 3, text: "null" });
    assert.equal(await runtime.toolCallExecute("search", request, search), null);
    register(runtime, around, "shortCircuit", { priority: 0, text: "[1]" });
    assert.deepEqual(await runtime.toolCallExecute("search", request, assert.fail), [1]);
  });

  test("its failures are errors of ours", async () => {
    const { runtime, events } = listen();
    const act = (act, text) => {
      runtime.deregisterToolRequestIntercept("i");
      return register(runtime, Registry.ToolRequestIntercept, act, { name: "i", text });
    };
    const call = () => runtime.toolCallExecute("search", {}, search);
    act("fail", "no rules in /etc/rules");
    const failed = { code: "plugin_error", message: "plugin error: no rules in /etc/rules" };
    await assert.rejects(call(), (error) => error instanceof scopeflow.PluginError);
    await assert.rejects(call(), failed);
    assert.equal(events[0].data.error.type, "PluginError");
    act("failAsRejected", "too much");
    const rejected = { name: "GuardrailRejected", message: "guardrail rejected: too much" };
    await assert.rejects(call(), { ...rejected, reason: "too much" });
    act("replace", "{");
    await assert.rejects(call(), { code: "invalid_json" });
    act("refuse", "not mine to say");
    await assert.rejects(call(), { code: "invalid_state" });
  });

  test("a sanitizer that fails lets nothing through", () => {
    const { runtime, events } = listen();
    register(runtime, Registry.ToolSanitizeRequestGuardrail, "replace", { text: "{" });
    runtime.toolCallExecuteSync("search", { secret: 1 }, () => 1);
    assert.equal(events[0].data, null);
    assert.equal(events[0].metadata["sanitize.failed"], "replace");
  });

  test("subscribers count events, of a runtime and of a scope", () => {
    const { runtime } = listen();
    const all = register(runtime, Registry.Subscriber, "count");
    const scope = runtime.pushScope("a", ScopeType.Agent);
    const own = register(scope, Registry.Subscriber, "count");
    runtime.event("m");
    scope.pop();
    runtime.event("m");
    assert.deepEqual([all.runs, own.runs], [4, 2]);
    runtime.deregisterSubscriber("count");
    register(runtime, Registry.Subscriber, "fail", { text: "disk full" });
    runtime.event("m");
    assert.equal(runtime.readStats().subscriberErrorCount, 1);
  });

  test("wrong handles are refused with a TypeError", () => {
    const { addon } = native;
    const runtime = new Runtime();
    const table = scopeflow.extensions.functions();
    const counters = register(runtime, Registry.Subscriber, "count").counters;
    const refused = { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" };
    for (const wrong of [undefined, null, 1, "x", {}, runtime, counters, table]) {
      const message = /nativeHandle of a scopeflow runtime/;
      assert.throws(() => addon.register(table, wrong, false, {}), { ...refused, message });
    }
    assert.throws(() => addon.register(runtime.nativeHandle, table, false, {}), refused);
    assert.throws(() => addon.register(table, runtime.nativeHandle, true, {}), refused);
  });

  test("callables are given back once, and a handle holds its runtime", async () => {
    const before = await countRefs();
    const { kept, held } = begin();
    assert.deepEqual(kept.map((one) => one.destroyed), [1, 0]);
    await collect(() => kept[1].destroyed > 0);
    assert.deepEqual(kept.map((one) => one.destroyed), [1, 0]);
    assert.equal(typeof held.pop(), "object");
    await collect(() => kept[1].destroyed > 0);
    assert.deepEqual(kept.map((one) => one.destroyed), [1, 1]);
    assert.equal(engine.refs.count, before);
  });

  test("each worker has its own", async () => {
    const before = native.addon.destroyed();
    const worker = new Worker(new URL("native-worker.mjs", import.meta.url));
    const answer = await new Promise((resolve, reject) => {
      worker.once("message", resolve).once("error", reject);
    });
    assert.deepEqual(answer, ["guardrail rejected: not here", 1]);
    await worker.terminate();
    assert.equal(native.addon.destroyed(), before + 1);
  });
});
