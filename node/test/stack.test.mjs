import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import {
  InvalidArgument,
  ScopeStack,
  ScopeType,
  createScopeStack,
  currentScopeStack,
  getHandle,
  pushScope,
  scopeStackActive,
  setThreadScopeStack,
  withScope,
  withScopeStack,
} from "scopeflow";
import { collect, listen } from "./helpers.mjs";

describe("scope stacks", () => {
  test("one is the same object until another scope is current", async () => {
    const outside = currentScopeStack();
    await withScope("turn", ScopeType.Agent, async () => {
      const stack = currentScopeStack();
      assert.equal(currentScopeStack(), stack);
      assert.notEqual(stack, outside);
      await withScope("step", ScopeType.Function, () =>
        assert.notEqual(currentScopeStack(), stack),
      );
      assert.equal(currentScopeStack(), stack);
    });
    assert.equal(currentScopeStack(), outside);
  });

  test("what was current is handed on to work that did not inherit it", async () => {
    let stack;
    let handle;
    let end;
    const isOver = new Promise((resolve) => (end = resolve));
    const turn = withScope("turn", ScopeType.Agent, async (opened) => {
      handle = opened;
      stack = currentScopeStack();
      await isOver;
    });
    assert.equal(scopeStackActive(), false);
    const seen = await withScopeStack(stack, async () => {
      assert.equal(scopeStackActive(), true);
      await sleep(1);
      return getHandle();
    });
    assert.equal(seen, handle);
    assert.equal(scopeStackActive(), false);
    end();
    await turn;
  });

  test("one that is set holds for the rest of its context alone", async () => {
    const stack = createScopeStack();
    assert.ok(stack instanceof ScopeStack);
    const others = [];
    const branch = async (stack) => {
      if (stack !== undefined) setThreadScopeStack(stack);
      await sleep(1);
      others.push(scopeStackActive());
      return getHandle().uuid;
    };
    const [first, second] = await withScopeStack(currentScopeStack(), () =>
      Promise.all([
        withScopeStack(currentScopeStack(), () => branch(stack)),
        withScopeStack(currentScopeStack(), () => branch(undefined)),
      ]),
    );
    assert.notEqual(first, second);
    assert.deepEqual(others, [true, false]);
    assert.equal(scopeStackActive(), false);
  });

  test("each new one has a root of its own, with no events", () => {
    const roots = [createScopeStack(), new ScopeStack()].map((stack) =>
      withScopeStack(stack, () => pushScope("first", ScopeType.Function).parentUuid),
    );
    assert.equal(new Set(roots).size, 2);
  });

  test("while one is held, the open scope in it is not abandoned", async () => {
    const { runtime, events } = listen();
    let stack = withScopeStack(currentScopeStack(), () => {
      runtime.pushScope("held", ScopeType.Function);
      return currentScopeStack();
    });
    await collect(() => false);
    runtime.flush();
    assert.equal(events.length, 1);
    assert.ok(stack);
    stack = undefined;
    await collect(() => {
      runtime.flush();
      return events.length > 1;
    });
    assert.equal(events[1].metadata["error.type"], "abandoned");
  });

  test("what is none is refused by name", () => {
    const refused = (told) => (error) =>
      error instanceof InvalidArgument && told.test(error.message);
    const isNone = refused(/stack must be a ScopeStack/);
    assert.throws(() => setThreadScopeStack({}), isNone);
    assert.throws(() => withScopeStack(undefined, () => {}), isNone);
    assert.throws(() => withScopeStack(createScopeStack()), refused(/callback must be a function/));
  });
});
