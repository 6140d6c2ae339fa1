// What an AbortSignal does to a call: it ends as cancelled, and the signal's reason comes out.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Runtime } from "scopeflow";
import { listen, outline } from "./helpers.mjs";

const request = () => ({ headers: {}, content: { model: "m" } });
const never = () => new Promise(() => {});
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** How a call ended: what its last end event says. */
const outcome = (events) => {
  const { metadata } = events.filter((event) => event.scope_category === "end").at(-1);
  return [metadata["otel.status_code"], metadata["error.type"]];
};

describe("cancellation", () => {
  test("a call that waits rejects with the reason, and ends as cancelled", async () => {
    for (const reason of [new Error("enough"), "text", 0, undefined]) {
      const { runtime, events } = listen();
      const control = new AbortController();
      const call = runtime.toolCallExecute("t", 1, never, { signal: control.signal });
      control.abort(reason);
      const error = await call.then(assert.fail, (thrown) => thrown);
      assert.equal(error, control.signal.reason);
      assert.deepEqual(outcome(events), ["ERROR", "cancelled"]);
      assert.deepEqual(outline(events), ["t:start", "t:end"]);
    }
  });

  test("a signal that was aborted before lets nothing begin", async () => {
    const { runtime, events } = listen();
    const signal = AbortSignal.abort("gone");
    const says = (call) => assert.rejects(call, (error) => error === "gone");
    await says(runtime.toolCallExecute("t", 1, assert.fail, { signal }));
    await says(runtime.llmCallExecute("m", request(), assert.fail, { signal }));
    await says(runtime.llmStreamCallExecute("m", request(), assert.fail, { signal }));
    assert.throws(() => runtime.toolCallExecuteSync("t", 1, assert.fail, { signal }));
    assert.deepEqual(events, []);
  });

  test("what is no signal is told", async () => {
    const { runtime } = listen();
    await assert.rejects(runtime.toolCallExecute("t", 1, never, { signal: {} }), {
      code: "invalid_argument",
      message: "signal must be an AbortSignal",
    });
  });

  test("the function's signal is aborted with the reason of the given one", async () => {
    const { runtime } = listen();
    const control = new AbortController();
    let seen;
    const call = runtime.toolCallExecute("t", 1, (_, signal) => never((seen = signal)), {
      signal: control.signal,
    });
    assert(seen instanceof AbortSignal);
    assert.equal(seen.aborted, false);
    control.abort("stop");
    assert.equal(seen.reason, "stop");
    await assert.rejects(call, (error) => error === "stop");
  });

  test("a function that wants no signal gets none; at a plain end none is aborted", async () => {
    const { runtime } = listen();
    assert.equal(await runtime.toolCallExecute("t", 1, (...given) => given.length), 1);
    let seen;
    const keep = async (args, signal) => void (seen = signal);
    await runtime.toolCallExecute("t", 1, keep);
    assert.equal(seen.aborted, false);
  });

  test("a target whose intercept does not wait is told that the call has ended", async () => {
    const { runtime } = listen();
    runtime.registerToolExecutionIntercept("first", 0, (args, next) => {
      next(args).catch(() => {});
      return "mine";
    });
    let seen;
    const target = (args, signal) => never((seen = signal));
    assert.equal(await runtime.toolCallExecute("t", 1, target), "mine");
    assert.equal(seen.aborted, true);
  });

  test("in each phase: a guard, an intercept, a sanitizer that does not answer", async () => {
    const phases = {
      registerToolConditionalExecutionGuardrail: [never],
      registerToolRequestIntercept: [false, never],
      registerToolSanitizeRequestGuardrail: [never],
      registerToolExecutionIntercept: [never],
      registerToolSanitizeResponseGuardrail: [never],
    };
    for (const [register, given] of Object.entries(phases)) {
      const { runtime, events } = listen();
      runtime[register]("waits", 0, ...given);
      const control = new AbortController();
      const call = runtime.toolCallExecute("t", 1, () => 5, { signal: control.signal });
      await turn();
      control.abort("stop");
      await assert.rejects(call, (error) => error === "stop", register);
      const starts = events.filter((event) => event.scope_category === "start").length;
      const ends = events.filter((event) => event.scope_category === "end").length;
      assert.equal(starts, ends, register);
    }
  });

  test("an intercept is told first, and may clean up", async () => {
    const { runtime } = listen();
    const told = [];
    runtime.registerToolExecutionIntercept("cleans", 0, async (args, next) => {
      try {
        return await next(args);
      } catch (error) {
        told.push(error);
        throw error;
      }
    });
    const control = new AbortController();
    const call = runtime.toolCallExecute("t", 1, never, { signal: control.signal });
    control.abort("stop");
    await assert.rejects(call, (error) => error === "stop");
    await turn();
    assert.deepEqual(told, ["stop"]);
  });

  test("a signal that outlives its calls keeps nothing of them", async () => {
    const { runtime } = listen();
    const control = new AbortController();
    let count = 0;
    const { signal } = control;
    const count1 = (by, own) => (...given) => {
      count += by;
      return own.apply(signal, given);
    };
    signal.addEventListener = count1(1, signal.addEventListener);
    signal.removeEventListener = count1(-1, signal.removeEventListener);
    await runtime.toolCallExecute("t", 1, async () => 1, { signal });
    await assert.rejects(runtime.toolCallExecute("t", 1, () => Promise.reject(1), { signal }));
    const stream = await runtime.llmStreamCallExecute("m", request(), () => [1], { signal });
    for await (const chunk of stream) assert.equal(chunk, 1);
    assert.equal(count, 0);
  });

  test("a stream whose producer hangs, and one that nobody is asking", async () => {
    for (const isAsking of [true, false]) {
      const { runtime, events } = listen();
      const control = new AbortController();
      const options = { signal: control.signal };
      async function* producer(_, signal) {
        yield 1;
        await never();
      }
      const stream = await runtime.llmStreamCallExecute("m", request(), producer, options);
      assert.equal(await stream.next(), 1);
      const isReason = (error) => error === "stop";
      const told = isAsking ? assert.rejects(stream.next(), isReason) : undefined;
      control.abort("stop");
      await turn();
      await (told ?? assert.rejects(stream.next(), isReason));
      assert.equal(await stream.next(), null);
      assert.deepEqual(outcome(events), ["ERROR", "cancelled"]);
    }
  });

  test("a sync stream is cancelled at its next step", () => {
    const { runtime, events } = listen();
    const control = new AbortController();
    const options = { signal: control.signal };
    const stream = runtime.llmStreamCallExecuteSync("m", request(), () => [1, 2], options);
    assert.equal(stream.next().value, 1);
    control.abort("stop");
    assert.throws(
      () => stream.next(),
      (error) => error === "stop",
    );
    assert.deepEqual(outcome(events), ["ERROR", "cancelled"]);
  });

  test("a runtime that nobody listens to cancels all the same", async () => {
    const runtime = new Runtime();
    const control = new AbortController();
    setImmediate(() => control.abort());
    const call = runtime.toolCallExecute("t", 1, never, { signal: control.signal });
    await assert.rejects(call, { name: "AbortError" });
  });
});

describe("disposal", () => {
  test("a runtime, a scope and a stream end with their block", async () => {
    const { runtime, events } = listen();
    runtime.pushScope("s", 0)[Symbol.dispose]();
    const stream = await runtime.llmStreamCallExecute("m", request(), () => [1, 2]);
    await stream[Symbol.asyncDispose]();
    runtime[Symbol.dispose]();
    assert.deepEqual(outline(events), ["s:start", "s:end", "m:start", "m:end"]);
    assert.throws(() => runtime.event("m"), { code: "invalid_state" });
    for (const made of [runtime, stream]) assert.equal("undefined" in made, false);
  });
});
