import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  core,
  GuardrailRejected,
  InvalidState,
  LlmAttributes,
  NotFound,
  ScopeAttributes,
  ScopeType,
  ToolAttributes,
} from "scopeflow";
import { engine, listen, outline } from "./helpers.mjs";

const REQUEST = { headers: {}, content: {} };

/** Whether the core has no memory for it any more. */
const isRetired = (handle) => handle.isAt(0);

function factsOf(handle) {
  const { uuid, parentUuid, name, scopeType, attributes, subtype, toolCallId, startedAtNs } =
    handle;
  return { uuid, parentUuid, name, scopeType, attributes, subtype, toolCallId, startedAtNs };
}

/** The facts of the same work, once read while it ran and once after its end. */
async function bothFacts(work) {
  const facts = [];
  for (const isEarly of [true, false]) {
    const { runtime } = listen();
    let handle;
    await work(runtime, (found) => {
      handle = found;
      if (isEarly) facts.push(factsOf(found));
    });
    assert.ok(isRetired(handle));
    if (!isEarly) facts.push(factsOf(handle));
    assert.equal(handle.isOpen(), false);
  }
  return facts;
}

/** Runs in a context of its own, which ends with it. */
const apart = (call) => engine.context.run(undefined, call);

describe("an ended scope's handle", () => {
  const scopes = {
    "a plain one": ["plan", ScopeType.Function, {}],
    "one with labels": ["plan", ScopeType.Agent, { attributes: ScopeAttributes.Parallel }],
    "a custom one": ["plan", ScopeType.Custom, { subtype: "kind" }],
    "a custom one without a subtype": ["plan", ScopeType.Custom, {}],
    "one with a name that is no text of Unicode": ["a\ud800", ScopeType.Function, {}],
    "one without a name": ["", ScopeType.Function, {}],
    "one with a start of its own": ["plan", ScopeType.Function, { timestamp: new Date(8.64e7) }],
  };
  for (const [title, [name, type, options]] of Object.entries(scopes)) {
    test(`knows what it knew before: ${title}`, async () => {
      const [before, after] = await bothFacts((runtime, found) =>
        runtime.withScope("outer", ScopeType.Agent, () =>
          runtime.withScope(name, type, found, options),
        ),
      );
      assert.deepEqual(after, before);
      assert.notEqual(after.parentUuid, null);
    });
  }

  const calls = {
    tool: (runtime, found) =>
      runtime.toolCallExecute("search", 1, () => found(runtime.getHandle()), {
        attributes: ToolAttributes.Local,
        toolCallId: "id-7",
      }),
    LLM: (runtime, found) =>
      runtime.llmCallExecute("gpt", REQUEST, () => found(runtime.getHandle()), {
        attributes: LlmAttributes.Stateless,
        modelName: "model-7",
      }),
    // Each way to the target brings a reference to the span, which has to go back.
    "tool behind intercepts": (runtime, found) => {
      const twice = async (args, next) => [await next(args), await next(args)];
      runtime.registerToolExecutionIntercept("outer", 0, (args, next) => next(args));
      runtime.registerToolExecutionIntercept("inner", 1, twice);
      let calls = 0;
      return runtime.toolCallExecute("search", 1, () => {
        if (++calls === 1) found(runtime.getHandle());
      });
    },
    stream: async (runtime, found) => {
      const stream = await runtime.llmStreamCallExecute(
        "gpt",
        REQUEST,
        async function* () {
          found(runtime.getHandle());
          yield 1;
        },
        { modelName: "model-7" },
      );
      for await (const _ of stream);
    },
  };
  for (const [kind, call] of Object.entries(calls)) {
    test(`knows what it knew before: the span of a ${kind}'s call`, async () => {
      const [before, after] = await bothFacts(call);
      assert.deepEqual(after, before);
    });
  }

  test("is refused and left alone as ever", () => {
    const { runtime, events } = listen();
    const scope = runtime.pushScope("a", ScopeType.Function);
    const { uuid } = scope;
    scope.pop();
    assert.ok(isRetired(scope));
    scope.close();
    assert.throws(() => scope.pop(), NotFound);
    assert.throws(() => runtime.scopeRegisterSubscriber(uuid, "late", () => {}), NotFound);
    assert.throws(() => runtime.pushScope("b", ScopeType.Function, { parent: scope }), /has ended/);
    assert.deepEqual(outline(events), ["a:start", "a:end"]);
    scope.detach();
    assert.throws(() => scope.isOpen(), InvalidState);
  });

  test("is read when its runtime is closed", () => {
    const { runtime } = listen();
    const scope = runtime.pushScope("a", ScopeType.Function);
    scope.pop();
    runtime.close();
    assert.equal(scope.name, "a");
  });

  test("is one for all that it was read by", () => {
    const { runtime } = listen();
    const scope = runtime.pushScope("a", ScopeType.Function);
    scope.pop();
    assert.equal(scope.uuid, scope.uuid);
    assert.equal(isRetired(scope), false); // What came back stays.
    scope.close();
    assert.equal(scope.describe().name, "a");
  });
});

// S1.4, S1.5.
describe("a context that still has an ended scope", () => {
  /** Opens a scope, and what a task that it started does after its end. */
  async function afterwards(runtime, later, options) {
    let task;
    const scope = await runtime.withScope(
      "outer",
      ScopeType.Agent,
      async (handle) => {
        task = (async () => {
          await new Promise(setImmediate);
          return later(handle);
        })();
        return handle;
      },
      options,
    );
    return [scope, await task];
  }

  test("detaches what it opens", async () => {
    const { runtime, events } = listen();
    const root = runtime.getHandle();
    const [scope] = await afterwards(runtime, (handle) => {
      assert.ok(isRetired(handle));
      runtime.pushScope("late", ScopeType.Function).pop();
      runtime.event("mark");
    });
    assert.deepEqual(outline(events).slice(2), ["late:start", "late:end", "mark:mark"]);
    assert.equal(events[2].metadata["scope.detached_from"], scope.uuid);
    assert.equal(events[2].parent_uuid, root.uuid);
  });

  test("goes on under the open one above it", async () => {
    const { runtime, events } = listen();
    await runtime.withScope("top", ScopeType.Agent, async (top) => {
      await afterwards(runtime, () => runtime.event("mark"));
      assert.equal(events.at(-1).parent_uuid, top.uuid);
    });
  });

  test("is under the guards of the one that was named as its parent", async () => {
    const { runtime } = listen();
    const guarded = apart(() => runtime.pushScope("guarded", ScopeType.Agent));
    guarded.registerToolConditionalExecutionGuardrail("no", 1, () => "no");
    const [, error] = await afterwards(
      runtime,
      () => runtime.toolCallExecute("search", 1, () => 1).catch((caught) => caught),
      { parent: guarded },
    );
    assert.ok(error instanceof GuardrailRejected);
    guarded.close();
  });

  test("may be as deep as one likes", () => {
    const { runtime } = listen();
    const row = apart(() => {
      const opened = [];
      for (let i = 0; i < 20_000; i++) opened.push(runtime.pushScope("n", ScopeType.Function));
      return opened;
    });
    for (const scope of [...row].reverse()) scope.close();
    assert.ok(row.every(isRetired));
    assert.equal(row.at(-1).parentUuid, row.at(-2).uuid);
    assert.equal(row[0].parentUuid, runtime.getHandle().uuid);
  });
});

describe("a scope that others hold stays in the core", () => {
  test("an open one below it", () => {
    const { runtime } = listen();
    apart(() => {
      const outer = runtime.pushScope("outer", ScopeType.Agent);
      const inner = runtime.pushScope("inner", ScopeType.Function);
      outer.close();
      assert.equal(isRetired(outer), false);
      inner.close();
      assert.ok(isRetired(inner));
      assert.equal(inner.parentUuid, outer.uuid);
    });
  });

  test("code in C", { skip: core.kind !== "native" && "nobody loads an addon" }, () => {
    const { runtime } = listen();
    const early = runtime.pushScope("early", ScopeType.Function);
    const held = early.nativeHandle;
    early.pop();
    assert.equal(isRetired(early), false);
    const late = runtime.pushScope("late", ScopeType.Function);
    late.pop();
    assert.ok(isRetired(late));
    assert.notEqual(late.nativeHandle, held);
    assert.equal(isRetired(late), false);
  });
});
