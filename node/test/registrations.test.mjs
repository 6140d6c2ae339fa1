import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as scopeflow from "scopeflow";
import { listen } from "./helpers.mjs";

const { listRuntimeRegistrations, Registry, RuntimeRegistrationKind, ScopeType } = scopeflow;

describe("what is registered", () => {
  test("is listed for the runtime and for a scope", () => {
    const { runtime } = listen();
    runtime.registerToolRequestIntercept("r", 5, true, (name, args) => args);
    const scope = runtime.pushScope("s", ScopeType.Agent);
    scope.registerSubscriber("own", () => {});
    const plain = { priority: 0, breaksChain: false, gated: [], target: "" };
    const intercept = { registry: Registry.ToolRequestIntercept, name: "r", priority: 5 };
    assert.deepEqual(runtime.registrations(), [
      { ...plain, registry: Registry.Subscriber, name: "listen" },
      { ...plain, ...intercept, breaksChain: true },
    ]);
    const own = [{ ...plain, registry: Registry.Subscriber, name: "own" }];
    assert.deepEqual(runtime.registrations(scope), own);
    scope.pop();
    runtime.close();
    assert.equal(runtime.registrations(null).length, 2);
    assert.throws(() => listen().runtime.registrations(scope), { code: "invalid_argument" });
  });

  test("a gate says what it is about", () => {
    const { runtime } = listen();
    const kinds = (1 << (Registry.ToolRequestIntercept - 1)) | 1;
    runtime.registerConditionalMiddlewareGuardrail("gate", kinds, "r", () => null);
    const gate = runtime.registrations().at(-1);
    assert.deepEqual(gate.gated, [
      Registry.ToolConditionalExecutionGuardrail,
      Registry.ToolRequestIntercept,
    ]);
    assert.equal(gate.target, "r");
  });

  test("is listed by registry and as they run for the default runtime, as the peers do", () => {
    const { LlmRequestIntercept, Subscriber } = RuntimeRegistrationKind;
    const intercept = ({ request }) => request;
    scopeflow.registerLlmRequestIntercept("second", 2, false, intercept);
    scopeflow.registerLlmRequestIntercept("first", 1, false, intercept);
    scopeflow.registerSubscriber("show", () => {});
    try {
      const named = (found) => found.map(({ kind, effectiveName }) => [kind, effectiveName]);
      const all = [
        [Subscriber, "show"],
        [LlmRequestIntercept, "first"],
        [LlmRequestIntercept, "second"],
      ];
      assert.deepEqual(named(listRuntimeRegistrations()), all);
      assert.deepEqual(named(listRuntimeRegistrations([Subscriber])), all.slice(0, 1));
      assert.deepEqual(listRuntimeRegistrations()[0].owner, { kind: "global_api" });
      assert.throws(() => listRuntimeRegistrations(["none"]), {
        message: "kinds has none, which is no registry",
      });
    } finally {
      scopeflow.deregisterLlmRequestIntercept("second");
      scopeflow.deregisterLlmRequestIntercept("first");
      scopeflow.deregisterSubscriber("show");
    }
    assert.deepEqual(listRuntimeRegistrations(), []);
  });
});
