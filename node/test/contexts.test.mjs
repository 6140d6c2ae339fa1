import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import { ScopeType } from "scopeflow";
import { listen } from "./helpers.mjs";

describe("contexts", () => {
  test("branches of Promise.all do not see each other's scopes", async () => {
    const { runtime, events } = listen();
    const outer = runtime.pushScope("outer", ScopeType.Agent);
    const branch = (name) =>
      runtime.withScope(name, ScopeType.Agent, async (handle) => {
        for (let i = 0; i < 3; i++) {
          await sleep(1);
          assert.equal(runtime.getHandle(), handle);
          runtime.event(`${name}${i}`);
        }
        return handle.uuid;
      });
    const uuids = await Promise.all(["a", "b", "c"].map(branch));
    assert.equal(runtime.getHandle(), outer);
    outer.pop();
    for (const event of events.filter((event) => event.kind === "mark")) {
      assert.equal(event.parent_uuid, uuids["abc".indexOf(event.name[0])]);
    }
    const starts = events.filter((event) => event.scope_category === "start").slice(1);
    assert.deepEqual(
      starts.map((start) => start.parent_uuid),
      [outer.uuid, outer.uuid, outer.uuid],
    );
  });

  test("a call's span is current in its target and in what that starts", async () => {
    const { runtime, events } = listen();
    const inTimer = [];
    await runtime.toolCallExecute("outer", 1, async () => {
      const span = runtime.getHandle();
      assert.equal(span.name, "outer");
      assert.equal(span.scopeType, ScopeType.Tool);
      await runtime.toolCallExecute("inner", 2, () => sleep(1));
      await new Promise((resolve) =>
        setTimeout(() => {
          inTimer.push(runtime.getHandle() === span);
          resolve();
        }, 1),
      );
      assert.equal(runtime.getHandle(), span);
    });
    assert.deepEqual(inTimer, [true]);
    assert.equal(events[1].parent_uuid, events[0].uuid);
    assert.equal(runtime.getHandle().name, "root");
  });

  test("work that outlives its call goes on under the nearest open scope", async () => {
    const { runtime, events } = listen();
    const outer = runtime.pushScope("outer", ScopeType.Agent);
    let late;
    await runtime.toolCallExecute("call", 1, () => {
      late = sleep(5).then(() => runtime.pushScope("late", ScopeType.Function).pop());
      return 1;
    });
    await late;
    outer.pop();
    const start = events.find((event) => event.name === "late");
    const call = events.find((event) => event.name === "call");
    assert.equal(start.parent_uuid, outer.uuid);
    assert.equal(start.metadata["scope.detached_from"], call.uuid);
  });

  test("a thousand calls at once each have their own span", async () => {
    const { runtime } = listen();
    const names = Array.from({ length: 1000 }, (_, i) => `call${i}`);
    const seen = await Promise.all(
      names.map((name) =>
        runtime.toolCallExecute(name, null, async () => {
          await sleep(1);
          return runtime.getHandle().name;
        }),
      ),
    );
    assert.deepEqual(seen, names);
    assert.equal(runtime.readStats().scopeEventCount, 2000);
  });
});
