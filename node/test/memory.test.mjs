import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Runtime, ScopeType } from "scopeflow";
import { collect, countRefs, engine, listen, outline } from "./helpers.mjs";

/** Runs in a context of its own, so that nothing of it stays in the caller's. */
async function apart(call) {
  await engine.context.run(undefined, call);
}

describe("memory for tasks", () => {
  test("operations within one another give it back", () => {
    const { runtime } = listen();
    runtime.registerSubscriber("nest", (event) => {
      if (event.name === "outer") runtime.event("inner");
    });
    runtime.event("outer");
    const before = engine.steps.length;
    for (let i = 0; i < 50; i++) runtime.event("outer");
    assert.equal(engine.steps.length, before);
    assert(before > 0);
  });
});

describe("what nobody holds", () => {
  test("a scope is ended as abandoned", async () => {
    const { runtime, events } = listen();
    await apart(() => void runtime.pushScope("lost", ScopeType.Function, { metadata: { k: 1 } }));
    await collect(() => {
      runtime.flush();
      return events.length === 2;
    });
    assert.deepEqual(outline(events), ["lost:start", "lost:end"]);
    assert.equal(events[1].metadata["error.type"], "abandoned");
    assert.equal(events[1].metadata.k, 1);
    assert.equal(runtime.readStats().abandonedScopeCount, 1);
  });

  test("a scope that its context still holds is open", async () => {
    const { runtime, events } = listen();
    let resume;
    const waiting = engine.context.run(undefined, async () => {
      runtime.pushScope("held", ScopeType.Function);
      await new Promise((resolve) => (resume = resolve));
      return runtime.getHandle().name;
    });
    await countRefs();
    runtime.flush();
    assert.deepEqual(outline(events), ["held:start"]);
    resume();
    assert.equal(await waiting, "held");
  });

  test("a call whose target never settles is ended as abandoned", async () => {
    const { runtime, events } = listen();
    const before = await countRefs();
    await apart(() => void runtime.toolCallExecute("lost", 1, () => new Promise(() => {})));
    await collect(() => {
      runtime.flush();
      return events.length === 2;
    });
    assert.deepEqual(outline(events), ["lost:start", "lost:end"]);
    assert.equal(events[1].metadata["error.type"], "abandoned");
    assert.equal(engine.refs.count, before);
  });

  test("a call whose guard never settles lets everything go", async () => {
    const { runtime, events } = listen();
    runtime.registerToolConditionalExecutionGuardrail("g", 0, () => new Promise(() => {}));
    const before = await countRefs();
    await apart(() => void runtime.toolCallExecute("lost", 1, assert.fail));
    assert.equal(engine.refs.count, before + 1);
    await collect(() => engine.refs.count === before);
    assert.equal(engine.refs.count, before);
    assert.deepEqual(events, []);
  });

  test("a runtime gives back what was registered on it", async () => {
    const before = await countRefs();
    await apart(() => {
      const runtime = new Runtime();
      runtime.registerSubscriber("s", () => {});
      runtime.pushScope("s", ScopeType.Agent, { metadata: {} }).pop();
    });
    assert(engine.refs.count > before);
    assert.equal(await countRefs(), before);
  });

  test("the core's scopes are given back while nothing but scopes is made", async () => {
    const SCOPES = 1_000_000;
    const runtime = new Runtime();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < SCOPES; i++) {
      runtime.pushScope("s", ScopeType.Agent).pop();
      if (i % 500 === 0) await new Promise(setImmediate);
    }
    const grown = (process.memoryUsage().rss - before) / SCOPES;
    assert(grown < 120, `${grown} bytes of memory for each scope that has ended`);
  });

  test("many operations leave no more behind than some", async () => {
    const ROUND = 30_000;
    const runtime = new Runtime();
    const target = async (value) => value;
    const round = async () => {
      for (let i = 0; i < ROUND; i++) {
        await runtime.toolCallExecute("t", i, target, { metadata: { i } });
        runtime.pushScope("s", ScopeType.Agent).pop();
        if (i % 500 === 0) await new Promise(setImmediate);
      }
      await countRefs();
      const { rss, heapUsed } = process.memoryUsage();
      return { rss, heapUsed, refs: engine.refs.count };
    };
    // The engine's own heap takes a few rounds to find its size.
    for (let i = 0; i < 5; i++) await round();
    const before = await round();
    for (let i = 0; i < 4; i++) await round();
    const after = await round();
    const each = (member) => (after[member] - before[member]) / (5 * ROUND);
    assert(each("heapUsed") < 8, `${each("heapUsed")} bytes of heap per operation`);
    assert(each("rss") < 100, `${each("rss")} bytes of memory per operation`);
    // Metadata of ended scopes waits for its batch, of which there is at most one.
    assert(after.refs - before.refs < 256, `${after.refs} references`);
  });
});
