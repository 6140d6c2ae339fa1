import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ScopeType } from "scopeflow";
import { collect, countRefs, listen, outline } from "./helpers.mjs";

const request = () => ({ headers: {}, content: { q: 1 } });

async function* three() {
  yield 1;
  yield 2;
  yield 3;
}

async function take(stream, count = Infinity) {
  const chunks = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
    if (chunks.length === count) break;
  }
  return chunks;
}

describe("streams", () => {
  test("the chunks, and one end with what the finalizer made of them", async () => {
    const { runtime, events } = listen();
    const heard = [];
    const stream = await runtime.llmStreamCallExecute("gpt", request(), three, {
      collector: (chunk) => void heard.push(chunk),
      finalizer: () => heard.join(""),
    });
    assert.deepEqual(await take(stream), [1, 2, 3]);
    assert.deepEqual(outline(events), ["gpt:start", "gpt:end"]);
    assert.equal(events[1].data, "123");
    assert.equal(await stream.next(), null);
    assert.deepEqual(await stream.return(7), { done: true, value: 7 });
  });

  test("intercepts may be generators", async () => {
    const { runtime, events } = listen();
    const kept = [];
    const wrap = (letter) =>
      async function* (request, next) {
        kept.push(next);
        for await (const chunk of await next(request)) yield letter + chunk;
      };
    runtime.registerLlmStreamExecutionIntercept("outer", 0, wrap("o"));
    runtime.registerLlmStreamExecutionIntercept("inner", 1, wrap("i"));
    const stream = await runtime.llmStreamCallExecute("gpt", request(), three);
    assert.deepEqual(await take(stream), ["oi1", "oi2", "oi3"]);
    assert.deepEqual(outline(events), ["gpt:start", "gpt:end"]);
    await assert.rejects(kept[1](request()), /'inner' is no longer active/);
  });

  test("leaving the loop stops the producer at once", async () => {
    const { runtime, events } = listen();
    let isStopped = false;
    async function* producer() {
      try {
        yield* three();
      } finally {
        isStopped = true;
      }
    }
    const stream = await runtime.llmStreamCallExecute("gpt", request(), producer);
    assert.deepEqual(await take(stream, 1), [1]);
    assert(isStopped);
    assert.equal(events[1].metadata["error.type"], "cancelled");
  });

  test("a producer may be sync, or a promise; what is no iterator fails", async () => {
    const { runtime, events } = listen();
    const begin = (func) => runtime.llmStreamCallExecute("gpt", request(), func);
    assert.deepEqual(await take(await begin(() => [1, 2])), [1, 2]);
    assert.deepEqual(await take(await begin(async () => three())), [1, 2, 3]);
    const stream = await begin(() => 5);
    await assert.rejects(stream.next(), {
      code: "invalid_argument",
      message: "the producer of 'gpt' gave number, which is no async iterator",
    });
    assert.equal(events.at(-1).metadata["error.type"], "invalid_argument");
  });

  test("the outermost intercept that answers with no iterator is named", async () => {
    const { runtime } = listen();
    const begin = (func) => runtime.llmStreamCallExecute("gpt", request(), func);
    const message = (given) =>
      `LLM stream execution intercept 'mine' of 'gpt' gave ${given}, which is no async iterator`;
    runtime.registerLlmStreamExecutionIntercept("mine", 0, (given, next) => next(given));
    runtime.registerLlmStreamExecutionIntercept("inner", 1, (given, next) => next(given));
    await assert.rejects((await begin(() => 5)).next(), { message: message("number") });
    const whole = async () => ({ choices: [] }); // Was to be streamed.
    await assert.rejects((await begin(whole)).next(), { message: message("Object") });
    assert.deepEqual(await take(await begin(three)), [1, 2, 3]);
    for (const [answer, name] of [
      [undefined, "undefined"],
      [null, "object"],
      [three, "function"],
    ]) {
      runtime.deregisterLlmStreamExecutionIntercept("mine");
      runtime.registerLlmStreamExecutionIntercept("mine", 0, () => answer);
      await assert.rejects((await begin(three)).next(), { message: message(name) });
    }
  });

  // S4.7: what is no iterator is a producer's fault alone.
  test("an intercept may answer with one chunk for all", async () => {
    const { runtime, events } = listen();
    const collected = [];
    const begin = () =>
      runtime.llmStreamCallExecute("gpt", request(), assert.fail, {
        collector: (chunk) => collected.push(chunk),
        finalizer: () => collected.length,
      });
    runtime.registerLlmStreamExecutionIntercept("inner", 1, (given, next) => next(given));
    for (const chunk of [{ kept: true }, "kept", 0, false]) {
      runtime.registerLlmStreamExecutionIntercept("kept", 0, async () => chunk);
      assert.deepEqual(await take(await begin()), [chunk]);
      assert.equal(events.at(-1).metadata["stream.chunk_count"], 1);
      runtime.deregisterLlmStreamExecutionIntercept("kept");
    }
    assert.deepEqual(collected, [{ kept: true }, "kept", 0, false]);
    runtime.registerLlmStreamExecutionIntercept("inmost", 2, () => ({ kept: true }));
    assert.deepEqual(await take(await begin()), [{ kept: true }]);
  });

  test("one step at a time", async () => {
    const { runtime } = listen();
    const stream = await runtime.llmStreamCallExecute("gpt", request(), three);
    const first = stream.next();
    await assert.rejects(stream.next(), { code: "invalid_state" });
    assert.equal(await first, 1);
    assert.deepEqual(await take(stream), [2, 3]);
  });

  test("a collector that throws stops the producer, and its error comes out", async () => {
    const { runtime, events } = listen();
    const failure = new Error("mine");
    let isStopped = false;
    function* producer() {
      try {
        yield 1;
      } finally {
        isStopped = true;
        throw new Error("second");
      }
    }
    const collector = () => {
      throw failure;
    };
    const stream = await runtime.llmStreamCallExecute("gpt", request(), producer, { collector });
    await assert.rejects(stream.next(), (error) => error === failure);
    assert(isStopped);
    assert.equal(events.at(-1).metadata["otel.status_description"], "mine");
  });

  test("the producer runs under the call's span, the consumer does not", async () => {
    const { runtime, events } = listen();
    function* producer() {
      runtime.event("first");
      runtime.pushScope("inside", ScopeType.Function);
      yield 1;
      runtime.event("second");
      runtime.getHandle().pop();
    }
    const stream = runtime.llmStreamCallExecuteSync("gpt", request(), producer);
    for (const _ of stream) runtime.event("consumer");
    const [start] = events;
    const named = (name) => events.find((event) => event.name === name);
    assert.equal(named("first").parent_uuid, start.uuid);
    assert.equal(named("second").parent_uuid, named("inside").uuid);
    assert.equal(named("consumer").parent_uuid, start.parent_uuid);
  });

  test("a sync stream takes no promise", () => {
    const { runtime } = listen();
    const stream = runtime.llmStreamCallExecuteSync("gpt", request(), () => ({
      next: () => Promise.resolve({ done: true }),
    }));
    assert.throws(() => stream.next(), { code: "invalid_state" });
    const collector = async () => {};
    const other = runtime.llmStreamCallExecuteSync("gpt", request(), () => [1], { collector });
    assert.throws(() => other.next(), { code: "invalid_state" });
  });

  test("one that is dropped ends as abandoned, without its finalizer", async () => {
    const { runtime, events } = listen();
    let isAsked = false;
    const finalizer = () => (isAsked = true);
    await (async () => {
      const stream = await runtime.llmStreamCallExecute("gpt", request(), three, { finalizer });
      await stream.next();
    })();
    await collect(() => {
      runtime.flush();
      return events.length === 2;
    });
    assert.equal(events[1]?.metadata["error.type"], "abandoned");
    assert(!isAsked);
  });

  test("all references come back", async () => {
    const { runtime } = listen();
    const work = async () => {
      const options = { finalizer: () => ({}), chunkMarks: true };
      await take(await runtime.llmStreamCallExecute("gpt", request(), three, options));
      await take(await runtime.llmStreamCallExecute("gpt", request(), three, options), 1);
      for (const _ of runtime.llmStreamCallExecuteSync("gpt", request(), () => [1, 2]));
    };
    await work();
    const before = await countRefs();
    for (let i = 0; i < 1000; i++) await work();
    // Ended scopes are let go by the hundred (lifetimes.ts), and their metadata with them.
    assert((await countRefs()) < before + 300);
  });
});
