import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  InvalidArgument,
  InvalidJson,
  InvalidState,
  LimitExceeded,
  ScopeStack,
  ScopeType,
  capturePropagationContext,
  capturePropagationContextWithRoot,
  captureRootlessPropagationContext,
  captureTraceparent,
  createScopeStack,
  createScopeStackFromPropagation,
  propagationContextFromJson,
  propagationContextToJson,
  propagationContextToTraceparent,
  pushScope,
  toolCallExecute,
  withScope,
  withScopeStack,
} from "scopeflow";
import { listen } from "./helpers.mjs";

const TRACE = "0af76519-16cd-43dd-8448-eb211c80319c";
const PARENT = "00000000-0000-0000-b7ad-6b7169203331";
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

describe("propagation", () => {
  test("work elsewhere stands under the scope, in its trace", async () => {
    let outer;
    let inner;
    const context = await withScope("outer", ScopeType.Agent, (handle) => {
      outer = handle;
      return withScope("inner", ScopeType.Function, (handle) => {
        inner = handle;
        return capturePropagationContext();
      });
    });
    assert.deepEqual(context, { version: 1, rootUuid: outer.uuid, parentUuid: inner.uuid });
    const there = propagationContextFromJson(propagationContextToJson(context));
    assert.deepEqual(there, context);
    withScopeStack(createScopeStackFromPropagation(there), () => {
      const first = pushScope("first", ScopeType.Function);
      assert.equal(first.parentUuid, inner.uuid);
      assert.deepEqual(capturePropagationContext(), { ...context, parentUuid: first.uuid });
      first.pop();
    });
  });

  test("the span of a call is what it is captured in", async () => {
    await toolCallExecute("search", 1, () => {
      const { rootUuid, parentUuid } = capturePropagationContext();
      assert.equal(rootUuid, parentUuid);
      const span = parentUuid.replaceAll("-", "").slice(16);
      assert.equal(captureTraceparent(), `00-${rootUuid.replaceAll("-", "")}-${span}-01`);
    });
  });

  test("a traceparent of another library goes on", () => {
    withScopeStack(createScopeStackFromPropagation(TRACEPARENT), () => {
      assert.equal(captureTraceparent(), TRACEPARENT);
      const handle = pushScope("turn", ScopeType.Agent);
      assert.equal(handle.parentUuid, PARENT);
      assert.equal(capturePropagationContext().rootUuid, TRACE);
      handle.pop();
    });
    const context = { version: 1, rootUuid: TRACE, parentUuid: PARENT };
    assert.equal(propagationContextToTraceparent(context), TRACEPARENT);
  });

  test("the text is the one of every language", () => {
    assert.equal(
      propagationContextToJson({ version: 1, rootUuid: TRACE, parentUuid: PARENT }),
      `{"version":1,"root_uuid":"${TRACE}","parent_uuid":"${PARENT}"}`,
    );
    assert.equal(
      propagationContextToJson({ version: 1, parentUuid: PARENT }),
      `{"version":1,"parent_uuid":"${PARENT}"}`,
    );
    const rootless = propagationContextFromJson(`{"parent_uuid":"${PARENT}","version":1}`);
    assert.deepEqual(rootless, { version: 1, parentUuid: PARENT });
  });

  test("the trace may be left out or another one", async () => {
    await withScope("turn", ScopeType.Agent, ({ uuid }) => {
      assert.deepEqual(captureRootlessPropagationContext(), { version: 1, parentUuid: uuid });
      assert.deepEqual(capturePropagationContextWithRoot(null), { version: 1, parentUuid: uuid });
      assert.equal(capturePropagationContextWithRoot(TRACE).rootUuid, TRACE);
      assert.throws(() => capturePropagationContextWithRoot("x"), InvalidArgument);
    });
  });

  test("a runtime of one's own captures and goes on by itself", () => {
    const [here, there] = [listen(), listen()];
    const scope = here.runtime.pushScope("here", ScopeType.Agent);
    const { json, traceparent, parentUuid } = here.runtime.capturePropagation();
    scope.pop();
    assert.equal(parentUuid, scope.uuid);
    for (const text of [json, traceparent])
      withScopeStack(new ScopeStack(there.runtime, text), () =>
        there.runtime.pushScope("there", ScopeType.Function).pop(),
      );
    const [byIds, bySpan] = there.events.filter((event) => event.scope_category === "start");
    assert.equal(byIds.parent_uuid, scope.uuid);
    assert.equal(bySpan.parent_uuid, `00000000-0000-0000-${scope.uuid.slice(19)}`);
  });

  test("where nothing is open there is no trace", () => {
    withScopeStack(createScopeStack(), () => {
      assert.throws(capturePropagationContext, InvalidState);
      assert.throws(captureTraceparent, InvalidState);
    });
  });

  test("what is no context is refused", () => {
    const zeros = "00000000-0000-0000-0000-000000000000";
    assert.throws(() => propagationContextFromJson("{"), InvalidJson);
    assert.throws(() => propagationContextFromJson(TRACEPARENT), InvalidJson);
    assert.throws(() => propagationContextFromJson(7), InvalidArgument);
    assert.throws(() => propagationContextFromJson(`{"version":1}`), InvalidArgument);
    for (const context of [
      { version: 2, parentUuid: PARENT },
      { version: 1, parentUuid: zeros },
      { version: 1 },
    ])
      assert.throws(() => propagationContextToJson(context), InvalidArgument);
    assert.throws(() => createScopeStackFromPropagation("00-x"), InvalidArgument);
    assert.throws(() => createScopeStackFromPropagation(" ".repeat(5000)), LimitExceeded);
  });
});
