import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  AlreadyExists,
  GuardrailRejected,
  InvalidArgument,
  InvalidState,
  NotFound,
  ScopeType,
} from "scopeflow";
import { listen, outline } from "./helpers.mjs";

const NAME = "registerToolConditionalExecutionGuardrail";

describe("guards", () => {
  test("a guard may be async and is awaited", async () => {
    const { runtime, events } = listen();
    runtime[NAME]("a", 0, async (name) => {
      await null;
      return name === "bad" ? "no" : null;
    });
    runtime[NAME]("b", 1, () => Promise.resolve());
    assert.equal(await runtime.toolCallExecute("good", 1, () => 5), 5);
    await assert.rejects(runtime.toolCallExecute("bad", 1, assert.fail), GuardrailRejected);
    assert.deepEqual(outline(events), ["good:start", "good:end", "bad:mark"]);
    assert.deepEqual(events[2].data, { rejected: true, rejection_reason: "no", guardrail: "a" });
  });

  test("a sync call refuses an async guard before anything is emitted", () => {
    const { runtime, events } = listen();
    runtime[NAME]("declared", 0, async () => null);
    assert.throws(() => runtime.toolCallExecuteSync("t", 1, assert.fail), InvalidState);
    assert.deepEqual(events, []);
    runtime.deregisterToolConditionalExecutionGuardrail("declared");
    runtime[NAME]("undeclared", 0, () => Promise.reject(new Error("unheard")));
    assert.throws(() => runtime.toolCallExecuteSync("t", 1, assert.fail), InvalidState);
  });

  test("a guard that fails refuses with its own error", async () => {
    const { runtime, events } = listen();
    const failure = new RangeError("broken");
    runtime[NAME]("throws", 0, () => {
      throw failure;
    });
    await assert.rejects(runtime.toolCallExecute("t", 1, assert.fail), (e) => e === failure);
    assert.equal(events[0].data.failed, true);
    assert.equal(events[0].data.registration, "throws");
    assert.deepEqual(events[0].data.error, { type: "RangeError", message: "broken" });
    runtime.deregisterToolConditionalExecutionGuardrail("throws");
    runtime[NAME]("rejects", 0, () => Promise.reject(failure));
    await assert.rejects(runtime.toolCallExecute("t", 1, assert.fail), (e) => e === failure);
  });

  test("a guard that is aborted cancels the call", async () => {
    const { runtime, events } = listen();
    runtime[NAME]("aborted", 0, () => AbortSignal.abort().throwIfAborted());
    await assert.rejects(runtime.toolCallExecute("t", 1, assert.fail), { name: "AbortError" });
    assert.deepEqual(events, []);
  });

  test("any string is a reason, anything else but null is a mistake", async () => {
    const { runtime } = listen();
    let answer = "";
    runtime[NAME]("g", 0, () => answer);
    await assert.rejects(runtime.toolCallExecute("t", 1, assert.fail), GuardrailRejected);
    for (answer of [true, false, 0, {}, Symbol("s")]) {
      await assert.rejects(runtime.toolCallExecute("t", 1, assert.fail), InvalidArgument);
    }
  });

  test("a guard is told the target, the scope and the call's id", async () => {
    const { runtime } = listen();
    const seen = [];
    runtime[NAME]("g", 0, (name, request, context) => {
      seen.push(name, request, context.target, context.scope.name, context.toolCallId);
    });
    await runtime.withScope("outer", ScopeType.Agent, () =>
      runtime.toolCallExecute("t", 7, () => 1, { toolCallId: "id" }),
    );
    assert.deepEqual(seen, ["t", 7, "t", "outer", "id"]);
  });

  test("guards of a scope are in force below it only", async () => {
    const { runtime } = listen();
    const scope = runtime.pushScope("guarded", ScopeType.Agent);
    runtime.scopeRegisterToolConditionalExecutionGuardrail(scope, "g", 0, () => "no");
    await assert.rejects(runtime.toolCallExecute("t", 1, assert.fail), GuardrailRejected);
    const { uuid } = scope;
    assert.equal(runtime.scopeDeregisterToolConditionalExecutionGuardrail(uuid, "g"), true);
    assert.equal(runtime.scopeDeregisterToolConditionalExecutionGuardrail(scope, "g"), false);
    assert.equal(await runtime.toolCallExecute("t", 1, () => 1), 1);
    scope.pop();
    assert.throws(() => scope.registerToolConditionalExecutionGuardrail("g", 0, () => 1), NotFound);
    const none = "01900000-0000-7000-8000-00000000ffff";
    assert.throws(() => runtime.scopeRegisterSubscriber(none, "s", () => {}), NotFound);
    assert.throws(() => runtime.scopeRegisterSubscriber("none", "s", () => {}), {
      message: "scope: invalid UUID none",
    });
  });

  test("a name is taken once", () => {
    const { runtime } = listen();
    runtime[NAME]("g", 0, () => null);
    assert.throws(() => runtime[NAME]("g", 1, () => null), AlreadyExists);
    assert.equal(runtime.deregisterToolConditionalExecutionGuardrail("g"), true);
    assert.equal(runtime.deregisterToolConditionalExecutionGuardrail("g"), false);
    runtime[NAME]("g", 1, () => null);
  });
});
