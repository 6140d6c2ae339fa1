import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GuardrailRejected, InterceptOutcome, InvalidArgument, ScopeType } from "scopeflow";
import { collect, countRefs, listen, outline } from "./helpers.mjs";

const request = () => ({ headers: { authorization: "secret", a: "b" }, content: { q: [1] } });

describe("middleware", () => {
  test("a private copy keeps aliases, cycles and kinds of containers, and shares leaves", () => {
    const { runtime } = listen();
    const shared = [1];
    const leaf = new Date(0);
    const bare = Object.assign(Object.create(null), { x: shared });
    const given = { a: shared, b: shared, map: new Map([["k", shared]]), leaf, bare };
    given.self = given;
    Object.defineProperty(given, "__proto__", { value: [2], enumerable: true, writable: true });
    let copy;
    runtime.registerToolRequestIntercept("look", 0, false, (name, args) => (copy = args));
    assert.equal(runtime.toolRequestInterceptsSync("t", given), copy);
    assert.notEqual(copy, given);
    assert.notEqual(copy.a, shared);
    assert.equal(copy.a, copy.b);
    assert.equal(copy.map.get("k"), copy.a);
    assert.equal(copy.bare.x, copy.a);
    assert.equal(Object.getPrototypeOf(copy.bare), null);
    assert.equal(copy.self, copy);
    assert.equal(copy.leaf, leaf);
    assert.equal(Object.getPrototypeOf(copy), Object.prototype);
    const own = Object.getOwnPropertyDescriptor(copy, "__proto__").value;
    assert.deepEqual(own, [2]);
    assert.notEqual(own, Object.getOwnPropertyDescriptor(given, "__proto__").value);
  });

  test("a payload that is nested too deeply for a recursion is copied", () => {
    const { runtime } = listen();
    let deep = [];
    for (let i = 0; i < 100_000; i++) deep = [deep];
    runtime.registerToolRequestIntercept("look", 0, false, (name, args) => args);
    assert(Array.isArray(runtime.toolRequestInterceptsSync("t", deep)));
  });

  test("observers never see credentials, the function does", () => {
    const { runtime } = listen();
    let seen;
    let got;
    runtime.registerLlmSanitizeRequestGuardrail("see", 0, (given) => (seen = given));
    const mine = request();
    runtime.llmCallExecuteSync("gpt", mine, (given) => (got = given));
    assert.equal(got, mine);
    assert.deepEqual(seen, { headers: { a: "b" }, content: { q: [1] } });
    assert.equal(mine.headers.authorization, "secret");
  });

  test("`next` runs at the same time as itself, and no longer than the intercept", async () => {
    const { runtime, events } = listen();
    let kept;
    runtime.registerToolExecutionIntercept("both", 0, async (args, next) => {
      kept = next;
      return Promise.all([next(1), next(2)]);
    });
    const waits = async (n) => {
      await new Promise(setImmediate);
      return n * 10;
    };
    assert.deepEqual(await runtime.toolCallExecute("t", 0, waits), [10, 20]);
    assert.deepEqual(outline(events), ["t:start", "attempt:mark", "attempt:mark", "t:end"]);
    await assert.rejects(kept(1), InvalidArgument);
  });

  test("marks of an outcome follow the end, and a wrong one fails the call", async () => {
    const { runtime, events } = listen();
    let marks = [{ name: "one", data: { n: 1 } }, { name: "two" }];
    runtime.registerToolExecutionIntercept(
      "marks",
      0,
      async (args, next) => new InterceptOutcome(await next(args), marks),
    );
    assert.equal(await runtime.toolCallExecute("t", 1, () => 5), 5);
    assert.deepEqual(outline(events), ["t:start", "t:end", "one:mark", "two:mark"]);
    assert.deepEqual(events[2].data, { n: 1 });
    marks = [{ name: 1 }];
    await assert.rejects(
      runtime.toolCallExecute("t", 1, () => 5),
      InvalidArgument,
    );
    assert.equal(events.at(-1).scope_category, "end");
  });

  // S3.11, ADR 0028.
  test("a tool's request may become null, but a forgotten return is told", async () => {
    const { runtime, events } = listen();
    let given = null;
    runtime.registerToolRequestIntercept("i", 0, false, () => given);
    const run = () => runtime.toolCallExecute("t", { q: 1 }, (args) => [args]);
    assert.deepEqual(await run(), [null]);
    assert.equal(events[0].data, null);
    assert.equal(await runtime.toolRequestIntercepts("t", { q: 1 }), null);
    given = new InterceptOutcome(null);
    assert.deepEqual(await run(), [null]);
    for (const nothing of [undefined, new InterceptOutcome(undefined)]) {
      given = nothing;
      const told = { code: "invalid_argument", message: /'i' returned nothing for 't'/ };
      await assert.rejects(run(), told);
    }
  });

  test("callables learn of the work in their last argument", async () => {
    const { runtime } = listen();
    const scope = runtime.pushScope("a", ScopeType.Agent);
    const seen = [];
    const note = (...given) => {
      const context = given.at(-1);
      seen.push([context.target, context.scope.name, context.toolCallId, context.modelName]);
    };
    runtime.registerToolConditionalExecutionGuardrail("g", 0, note);
    runtime.registerLlmConditionalExecutionGuardrail("g", 0, note);
    await runtime.toolCallExecute("t", 1, () => 1, { toolCallId: "c1" });
    await runtime.llmCallExecute("gpt", request(), () => 1, { modelName: "m" });
    scope.pop();
    assert.deepEqual(seen, [
      ["t", "a", "c1", undefined],
      ["gpt", "a", undefined, "m"],
    ]);
  });

  test("a context that is kept tells of the scope that is open then", () => {
    const { runtime } = listen();
    let kept;
    runtime.registerToolSanitizeRequestGuardrail("keep", 0, (name, args, context) => {
      kept = context;
      return args;
    });
    const call = runtime.toolCall("t", 1);
    runtime.toolCallEnd(call);
    assert.equal(kept.scope.name, "root");
  });

  test("each kind of call gives all references back, refused ones too", async () => {
    const { runtime } = listen();
    runtime.registerToolRequestIntercept("r", 0, false, (name, args) => ({ ...args }));
    runtime.registerToolExecutionIntercept("e", 0, (args, next) => next({ ...args }));
    runtime.registerToolSanitizeRequestGuardrail("s", 0, (name, args) => args);
    runtime.registerLlmRequestIntercept("l", 0, false, ({ request, annotated }) => [
      { ...request },
      annotated,
    ]);
    runtime.registerScopeSanitizeEndGuardrail("f", 0, (event, fields) => fields);
    runtime.registerEventMetadataInjector("i", 0, () => ({ x: 1 }));
    const codec = { decode: (given) => given.content, encode: (edited, given) => given };
    const work = async () => {
      await runtime.toolCallExecute("t", { a: 1 }, () => ({ b: 1 }));
      await runtime.llmCallExecute("gpt", request(), () => 1, { codec, metadata: { m: 1 } });
      const fails = () => Promise.reject(new Error("mine"));
      await assert.rejects(runtime.toolCallExecute("t", { a: 1 }, fails));
      runtime.toolCallEnd(runtime.toolCall("t", { a: 1 }, { metadata: {} }), 1);
      runtime.llmCallEnd(runtime.llmCall("gpt", request(), { annotatedRequest: {} }), 1);
      await runtime.toolRequestIntercepts("t", { a: 1 });
      assert.throws(() => runtime.llmCallExecuteSync("gpt", { wrong: 1 }, () => 1));
    };
    await work();
    const before = await countRefs();
    for (let i = 0; i < 1000; i++) await work();
    // Ended scopes are let go by the hundred (lifetimes.ts), and their metadata with them.
    assert((await countRefs()) < before + 300);
  });

  test("a call whose intercept waits for ever ends as abandoned", async () => {
    const { runtime, events } = listen();
    runtime.registerToolExecutionIntercept("waits", 0, () => new Promise(() => {}));
    void runtime.toolCallExecute("t", 1, () => 1);
    await collect(() => {
      runtime.flush();
      return events.length === 2;
    });
    assert.equal(events[1]?.metadata["error.type"], "abandoned");
  });

  test("a runtime that is closed refuses", async () => {
    const { runtime, events } = listen();
    runtime.pushScope("a", ScopeType.Agent);
    runtime.close();
    assert.deepEqual(outline(events), ["a:start", "a:end"]);
    runtime.close();
    await assert.rejects(
      runtime.toolCallExecute("t", 1, () => 1),
      { code: "invalid_state" },
    );
    assert.throws(() => runtime.registerToolRequestIntercept("r", 0, false, () => 1), {
      code: "invalid_state",
    });
  });

  test("wrong arguments are told", async () => {
    const { runtime } = listen();
    const says = (call, text) =>
      assert.throws(call, (error) => error instanceof InvalidArgument && error.message === text);
    says(
      () => runtime.registerToolRequestIntercept("r", 0, () => 1),
      "breakChain must be a boolean, not function",
    );
    says(
      () => runtime.llmCallExecuteSync("gpt", { content: 1 }, () => 1),
      "request must be an LlmRequest: an object of headers, an object, and content",
    );
    says(
      () => runtime.llmCallExecuteSync("gpt", request(), () => 1, { codec: {} }),
      "codec must have a method decode",
    );
    says(() => runtime.toolCallEnd({}), "handle must be a scope handle");
    runtime.registerToolConditionalExecutionGuardrail("g", 0, () => "no");
    await assert.rejects(runtime.toolConditionalExecution("t", 1), GuardrailRejected);
  });
});
