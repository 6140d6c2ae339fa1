import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  GuardrailRejected,
  InvalidArgument,
  InvalidState,
  ScopeflowError,
  ScopeType,
  ToolAttributes,
} from "scopeflow";
import { engine, listen, outline } from "./helpers.mjs";

class Odd extends TypeError {}

describe("tool calls", () => {
  test("the target gets the caller's object, the caller gets the target's", async () => {
    const { runtime, events } = listen();
    const args = { q: 1 };
    for (const result of [{ hits: 3 }, null, undefined, 0, "", Symbol("s"), () => {}]) {
      const got = await runtime.toolCallExecute("search", args, async (given) => {
        assert.equal(given, args);
        return result;
      });
      assert.equal(got, result);
      assert.equal(
        runtime.toolCallExecuteSync("search", args, () => result),
        result,
      );
    }
    assert.equal(events.length, 28);
  });

  test("all that can be said of a call stands in its events", async () => {
    const { runtime, events } = listen();
    const parent = runtime.pushScope("p", ScopeType.Agent);
    const metadata = { m: 1 };
    const options = {
      parent,
      attributes: ToolAttributes.Remote,
      data: "kept",
      metadata,
      toolCallId: "call_7",
      timestamp: 1_767_225_600_000_500,
    };
    await runtime.toolCallExecute("t", { a: 1 }, () => runtime.getHandle().toolCallId, options);
    const { Remote } = ToolAttributes;
    await runtime.toolCallExecute("t", 1, () => 2, parent, Remote, "kept", metadata, "call_8");
    parent.pop();
    const [start, end] = events.slice(1);
    assert.equal(start.parent_uuid, parent.uuid);
    assert.deepEqual(start.attributes, ["remote"]);
    assert.deepEqual(start.metadata, { m: 1 });
    assert.deepEqual(start.category_profile, { tool_call_id: "call_7" });
    assert.equal(start.timestamp, "2026-01-01T00:00:00.000500000Z");
    assert.deepEqual(start.data, { a: 1 });
    assert.equal(end.data, "call_7");
    assert.deepEqual(events[3].category_profile, { tool_call_id: "call_8" });
    assert.deepEqual(events[3].attributes, ["remote"]);
  });

  test("what a target throws or rejects with comes out untouched", async () => {
    const { runtime, events } = listen();
    const odd = new Odd("odd");
    const cause = { cause: odd };
    for (const thrown of [odd, new Error("e", cause), "text", 7, null, undefined]) {
      const isThrown = (error) => Object.is(error, thrown);
      const rejecting = () => Promise.reject(thrown);
      const throwing = () => {
        throw thrown;
      };
      await runtime
        .toolCallExecute("t", 1, rejecting)
        .then(assert.fail, (e) => assert(isThrown(e)));
      await runtime.toolCallExecute("t", 1, throwing).then(assert.fail, (e) => assert(isThrown(e)));
      try {
        runtime.toolCallExecuteSync("t", 1, throwing);
        assert.fail();
      } catch (error) {
        assert(isThrown(error));
      }
    }
    assert.equal(events[1].metadata["exception.type"], "Odd");
    assert.equal(events[1].metadata["otel.status_description"], "odd");
    assert.equal(events.at(-1).metadata["exception.type"], "undefined");
    assert.equal(events.length, 36);
  });

  test("an abort is a cancellation", async () => {
    const { runtime, events } = listen();
    const controller = new AbortController();
    const call = runtime.toolCallExecute(
      "slow",
      1,
      () =>
        new Promise((_, reject) =>
          controller.signal.addEventListener("abort", () => reject(controller.signal.reason)),
        ),
    );
    controller.abort();
    await assert.rejects(call, (error) => error === controller.signal.reason);
    assert.equal(events[1].metadata["error.type"], "cancelled");
    assert.equal(events[1].metadata["otel.status_code"], "ERROR");
  });

  test("a foreign thenable is awaited, a hostile one is an error", async () => {
    const { runtime, events } = listen();
    const fine = { then: (resolve) => resolve(5) };
    assert.equal(await runtime.toolCallExecute("t", 1, () => fine), 5);
    const hostile = {
      get then() {
        throw new Odd("getter");
      },
    };
    await assert.rejects(
      runtime.toolCallExecute("t", 1, () => hostile),
      Odd,
    );
    assert.deepEqual(outline(events), ["t:start", "t:end", "t:start", "t:end"]);
  });

  test("an error that cannot be looked at comes out as well, with its end event", async () => {
    const { runtime, events } = listen();
    const throws = () => {
      throw new Odd("trap");
    };
    const traps = { get: throws, getPrototypeOf: throws };
    const named = Object.defineProperty(new Error("x"), "name", { get: throws });
    for (const thrown of [new Proxy({}, traps), named]) {
      const promise = runtime.toolCallExecute("t", 1, () => Promise.reject(thrown));
      const [error] = await promise.then(assert.fail, (error) => [error]);
      assert(Object.is(error, thrown));
    }
    assert.deepEqual(outline(events), ["t:start", "t:end", "t:start", "t:end"]);
  });

  test("a sync call refuses what has to be awaited, with its end event", () => {
    const { runtime, events } = listen();
    assert.throws(
      () => runtime.toolCallExecuteSync("t", 1, () => Promise.reject(new Error("unheard"))),
      InvalidState,
    );
    assert.deepEqual(outline(events), ["t:start", "t:end"]);
    assert.equal(events[1].metadata["error.type"], "invalid_state");
  });

  test("an error of the runtime keeps its name on the way out", async () => {
    const { runtime, events } = listen();
    runtime.registerToolConditionalExecutionGuardrail("g", 0, (name) =>
      name === "inner" ? "not this" : null,
    );
    const outer = runtime.toolCallExecute("outer", 1, () =>
      runtime.toolCallExecute("inner", 1, assert.fail),
    );
    await assert.rejects(outer, (error) => {
      assert(error instanceof GuardrailRejected && error instanceof ScopeflowError);
      assert.equal(error.code, "guardrail_rejected");
      assert.equal(error.status, 1005);
      assert.equal(error.reason, "not this");
      assert.equal(error.message, "guardrail rejected: not this");
      return true;
    });
    assert.equal(events.at(-1).metadata["error.type"], "guardrail_rejected");
  });

  test("calls inside calls until the stack is used up all end", async () => {
    const ways = {
      call: (runtime, then) => runtime.toolCallExecuteSync("t", 1, then),
      scope: (runtime, then) => runtime.withScopeSync("s", ScopeType.Function, then),
    };
    // Deeper by some of the application's frames each time, it ends at another place of ours.
    const below = (frames, call) => (frames === 0 ? call() : below(frames - 1, call));
    for (const [name, enter] of Object.entries(ways)) {
      for (let frames = 0; frames < 12; frames++) {
        const { runtime, events } = listen({ log: undefined });
        const recurse = () => enter(runtime, recurse);
        assert.throws(() => below(frames, recurse), RangeError);
        assert.equal(
          runtime.toolCallExecuteSync("after", 1, () => 5),
          5,
        );
        const count = (category) => events.filter((e) => e.scope_category === category).length;
        assert(count("start") > 100, name);
        assert.equal(count("end"), count("start"), `${name} below ${frames} frames`);
        assert.equal(runtime.readStats().scopeEventCount, events.length);
        assert.equal(runtime.getHandle().name, "root");
      }
    }
  });

  test("nothing stays lent when calls are over", async () => {
    const { runtime } = listen();
    const before = engine.refs.count;
    const metadata = { m: 1 };
    await runtime.toolCallExecute("t", { a: 1 }, async () => 1, { data: 2 });
    await runtime.toolCallExecute("t", 1, () => Promise.reject(new Error("x"))).catch(() => {});
    runtime.pushScope("s", ScopeType.Agent, { input: 1 }).pop({ output: 2, metadata, error: "e" });
    runtime.event("m", { data: 1, metadata });
    assert.throws(() => runtime.event(3, { data: 1, metadata }), InvalidArgument);
    assert.throws(() => runtime.pushScope("s", 99, { input: 1, metadata }), InvalidArgument);
    await assert.rejects(
      runtime.toolCallExecute(3, 1, () => 1, { metadata }),
      InvalidArgument,
    );
    assert.equal(engine.refs.count, before);
  });
});
