import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import {
  EndStatus,
  InvalidArgument,
  NotFound,
  Runtime,
  ScopeAttributes,
  ScopeType,
} from "scopeflow";
import { listen, outline, uuid } from "./helpers.mjs";

describe("scopes", () => {
  test("a scope is current from its push to its pop", () => {
    const { runtime, events } = listen();
    const root = runtime.getHandle();
    const outer = runtime.pushScope("outer", ScopeType.Agent);
    const inner = runtime.pushScope("inner", ScopeType.Function);
    assert.equal(runtime.getHandle(), inner);
    runtime.popScope(inner);
    assert.equal(runtime.getHandle(), outer);
    runtime.popScope(outer);
    assert.equal(runtime.getHandle(), root);
    assert.deepEqual(outline(events), ["outer:start", "inner:start", "inner:end", "outer:end"]);
    assert.equal(events[1].parent_uuid, outer.uuid);
  });

  test("what Node shows of a handle is what is known of the scope", () => {
    const { runtime } = listen();
    const scope = runtime.pushScope("a", ScopeType.Agent, { data: [1], metadata: { k: 1 } });
    const shown = (isOpen) =>
      `ScopeHandle { name: 'a', scopeType: 'Agent', uuid: '${uuid(1)}', ` +
      `parentUuid: '${uuid(0)}', isOpen: ${isOpen}, data: [ 1 ], metadata: { k: 1 } }`;
    assert.equal(inspect(scope, { breakLength: Infinity, compact: 4 }), shown(true));
    scope.pop();
    assert.equal(inspect(scope, { breakLength: Infinity, compact: 4 }), shown(false));
    scope.detach();
    assert.equal(inspect(scope), "ScopeHandle {}");
    assert.equal(inspect(runtime), "Runtime {}");
    const call = runtime.toolCall("t", 1);
    assert.match(inspect(call), /^ToolHandle \{\s+name: 't',\s+scopeType: 'Tool'/);
    runtime.toolCallEnd(call);
  });

  test("the root is called root and has no parent", () => {
    const root = new Runtime({ deterministic: true }).getHandle();
    assert.equal(root.name, "root");
    assert.equal(root.scopeType, ScopeType.Agent);
    assert.equal(root.uuid, uuid(0));
    assert.equal(root.parentUuid, null);
    assert.throws(() => root.pop(), InvalidArgument);
  });

  test("a handle knows what was said when it was opened", () => {
    const { runtime } = listen();
    const data = { mine: true };
    const metadata = { k: 1 };
    const handle = runtime.pushScope("io", ScopeType.Custom, {
      subtype: "disk",
      attributes: ScopeAttributes.Parallel | ScopeAttributes.Relocatable,
      data,
      metadata,
      timestamp: 1_767_225_600_123_456_789n,
    });
    assert.equal(handle.uuid, uuid(1));
    assert.equal(handle.parentUuid, uuid(0));
    assert.equal(handle.name, "io");
    assert.equal(handle.scopeType, ScopeType.Custom);
    assert.equal(handle.subtype, "disk");
    assert.equal(handle.attributes, 3);
    assert.equal(handle.data, data);
    assert.equal(handle.metadata, metadata);
    assert.equal(handle.startedAtNs, 1_767_225_600_123_456_789n);
    assert.equal(handle.startedAt.toISOString(), "2026-01-01T00:00:00.123Z");
    assert.equal(handle.toolCallId, "");
    handle.pop();
  });

  test("optional arguments by position mean the same as by name", () => {
    const byPosition = listen();
    const byName = listen();
    const metadata = { m: 1 };
    for (const { runtime } of [byPosition]) {
      const parent = runtime.pushScope("p", ScopeType.Agent);
      runtime.pushScope("q", ScopeType.Tool, parent, 1, "d", metadata, "in", 1_767_225_600_000_001);
      runtime.event("e", parent, "d", metadata, 1_767_225_600_000_002);
      runtime.popScope(runtime.getHandle(), "out", 1_767_225_600_000_003, metadata);
    }
    for (const { runtime } of [byName]) {
      const parent = runtime.pushScope("p", ScopeType.Agent);
      const timestamp = 1_767_225_600_000_001;
      const child = { parent, attributes: 1, data: "d", metadata, input: "in", timestamp };
      runtime.pushScope("q", ScopeType.Tool, child);
      runtime.event("e", { parent, data: "d", metadata, timestamp: 1_767_225_600_000_002_000n });
      runtime.getHandle().pop({ output: "out", timestamp: 1_767_225_600_000_003, metadata });
    }
    assert.deepEqual(
      byPosition.events.map((event) => event.json),
      byName.events.map((event) => event.json),
    );
    assert.equal(byName.events[1].timestamp, "2026-01-01T00:00:00.000001000Z");
    assert.equal(byName.events[2].timestamp, "2026-01-01T00:00:00.000002000Z");
    assert.equal(byName.events.length, 4);
  });

  test("a Date is a moment, too", () => {
    const { runtime, events } = listen();
    runtime.event("m", { timestamp: new Date("2026-05-04T03:02:01.007Z") });
    assert.equal(events[0].timestamp, "2026-05-04T03:02:01.007000000Z");
    assert.equal(events[0].time.toISOString(), "2026-05-04T03:02:01.007Z");
  });

  test("an ancestor with an open descendant is refused, close ends it", () => {
    const { runtime, events } = listen();
    const outer = runtime.pushScope("outer", ScopeType.Agent);
    const inner = runtime.pushScope("inner", ScopeType.Function);
    assert.throws(() => outer.pop(), InvalidArgument);
    assert.equal(outer.isOpen(), true);
    outer.close();
    outer.close();
    assert.equal(outer.isOpen(), false);
    assert.equal(runtime.getHandle(), inner);
    inner.close();
    assert.equal(runtime.getHandle().name, "root");
    assert.throws(() => inner.pop(), NotFound);
    assert.deepEqual(outline(events), ["outer:start", "inner:start", "outer:end", "inner:end"]);
  });

  test("an end can say how the scope ended", () => {
    const { runtime, events } = listen();
    runtime.pushScope("a", ScopeType.Agent).pop({ status: EndStatus.Ok });
    runtime.pushScope("b", ScopeType.Agent).pop({ error: new RangeError("too far") });
    runtime.pushScope("c", ScopeType.Agent).pop({ status: EndStatus.Cancelled });
    runtime.pushScope("d", ScopeType.Agent).pop();
    const ends = events.filter((event) => event.scope_category === "end");
    assert.deepEqual(ends[0].metadata, { "otel.status_code": "OK" });
    assert.deepEqual(ends[1].metadata, {
      "otel.status_code": "ERROR",
      "otel.status_description": "too far",
      "error.type": "exception",
      "exception.type": "RangeError",
    });
    assert.equal(ends[2].metadata["error.type"], "cancelled");
    assert.equal(ends[3].metadata, null);
  });

  test("withScope ends its scope with what came of the function", async () => {
    const { runtime, events } = listen();
    const failure = new Error("no");
    const result = { mine: 1 };
    const got = await runtime.withScope("fine", ScopeType.Agent, async (handle) => {
      await null;
      assert.equal(runtime.getHandle(), handle);
      return result;
    });
    assert.equal(got, result);
    const promise = runtime.withScope("bad", ScopeType.Agent, () => {
      throw failure;
    });
    await assert.rejects(promise, (error) => error === failure);
    assert.deepEqual(outline(events), ["fine:start", "fine:end", "bad:start", "bad:end"]);
    assert.equal(events[1].metadata["otel.status_code"], "OK");
    assert.equal(events[3].metadata["exception.type"], "Error");
    assert.equal(runtime.getHandle().name, "root");
  });

  test("a block that disposes of the handle ends the scope", () => {
    const { runtime, events } = listen();
    const handle = runtime.pushScope("block", ScopeType.Function);
    handle[Symbol.dispose]();
    assert.deepEqual(outline(events), ["block:start", "block:end"]);
    assert.equal(runtime.getHandle().name, "root");
  });

  test("two runtimes share a context and keep their scopes apart", () => {
    const first = listen();
    const second = listen();
    const a = first.runtime.pushScope("a", ScopeType.Agent);
    const b = second.runtime.pushScope("b", ScopeType.Agent);
    assert.equal(first.runtime.getHandle(), a);
    assert.equal(b.parentUuid, second.runtime.root().uuid);
    const c = first.runtime.pushScope("c", ScopeType.Function);
    assert.equal(c.parentUuid, a.uuid);
    assert.equal(second.runtime.getHandle(), b);
    c.pop();
    b.pop();
    a.pop();
    assert.equal(first.runtime.getHandle(), first.runtime.root());
    assert.equal(second.events.length, 2);
    const foreign = { parent: a };
    assert.throws(() => second.runtime.event("x", foreign), InvalidArgument);
  });
});

describe("marks", () => {
  test("a mark stands under the current scope, or where it is told to", () => {
    const { runtime, events } = listen();
    const outer = runtime.pushScope("outer", ScopeType.Agent);
    const inner = runtime.pushScope("inner", ScopeType.Function);
    runtime.event("here", { data: { x: 1 } });
    runtime.event("there", outer);
    inner.pop();
    outer.pop();
    assert.equal(events[2].parent_uuid, inner.uuid);
    assert.deepEqual(events[2].data, { x: 1 });
    assert.equal(events[3].parent_uuid, outer.uuid);
    assert.equal(events[3].kind, "mark");
    assert.equal(events[3].category, null);
  });
});
