import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  clearLastCallbackError,
  deregisterSubscriber,
  Event,
  event,
  getLastCallbackError,
  InvalidArgument,
  LogLevel,
  registerSubscriber,
  Runtime,
  ScopeType,
} from "scopeflow";
import { engine, listen, outline } from "./helpers.mjs";

describe("subscribers", () => {
  test("an event is of the emission, and each subscriber has its own", () => {
    const runtime = new Runtime({ deterministic: true });
    const events = [];
    runtime.registerSubscriber("changes", (event) => {
      event.data.list.push("changed by a subscriber");
      events.push(event);
    });
    runtime.registerSubscriber("keeps", (event) => events.push(event));
    const data = { list: [1] };
    runtime.event("m", { data });
    data.list.push("changed later");
    assert.notEqual(events[0], events[1]);
    assert.deepEqual(events[0].data, { list: [1, "changed by a subscriber"] });
    assert.deepEqual(events[1].data, { list: [1] });
    assert(events[1] instanceof Event);
    assert.deepEqual(JSON.parse(JSON.stringify(events[1])), JSON.parse(events[1].json));
  });

  test("one that fails is counted and told; the others and the work go on", async () => {
    const told = [];
    const log = (message, error) => told.push([message, error]);
    const { runtime, events } = listen({ log });
    const failure = new Error("mine");
    runtime.registerSubscriber("throws", () => {
      throw failure;
    });
    runtime.registerSubscriber("promises", () => Promise.reject(new Error("unheard")));
    runtime.registerSubscriber("after", (event) => events.push(event));
    assert.equal(await runtime.toolCallExecute("t", 1, () => 5), 5);
    assert.equal(events.length, 4);
    assert.equal(runtime.readStats().subscriberErrorCount, 4);
    assert.equal(told[0][0], "scopeflow: subscriber 'throws' failed: Error: mine");
    assert.equal(told[0][1], failure);
    assert.equal(told[1][1].code, "invalid_state");
    assert.equal(runtime.lastErrors()[3], "subscriber 'throws' failed: Error: mine");
  });

  test("what else fails without a caller is told as well, to its own runtime", async () => {
    const told = [];
    const log = (message, error, level) => told.push([message, error, LogLevel[level]]);
    const { runtime } = listen({ log });
    const { runtime: other } = listen({ log: assert.fail });
    const failure = new Error("mine");
    const fail = () => {
      throw failure;
    };
    runtime.registerEventMetadataInjector("i", 0, fail);
    runtime.registerMarkSanitizeGuardrail("m", 0, fail);
    runtime.registerToolSanitizeRequestGuardrail("s", 0, () => null);
    const elsewhere = () => other.event("inside");
    runtime.event("mark", { data: { toJSON: elsewhere } });
    runtime.toolCallExecuteSync("t", 1, () => 5);
    assert.deepEqual(told[0], [
      "scopeflow: metadata injector 'i' failed: Error: mine",
      failure,
      "Error",
    ]);
    const texts = told.map(([text]) => text);
    assert(texts.some((text) => text.startsWith("scopeflow: mark sanitizer 'm' failed")));
    assert(texts.some((text) => text.includes("'s' failed: it returned nothing")));
    assert.equal(runtime.lastErrors().length, Math.min(told.length, 8));
    runtime.clearLastErrors();
    assert.deepEqual(runtime.lastErrors(), []);
  });

  test("the peers ask for the last failure of the default runtime", (t) => {
    t.mock.method(console, "error", () => {});
    clearLastCallbackError();
    assert.equal(getLastCallbackError(), null);
    registerSubscriber("throws", () => {
      throw new TypeError("mine");
    });
    try {
      event("m");
    } finally {
      deregisterSubscriber("throws");
    }
    assert.equal(getLastCallbackError(), "subscriber 'throws' failed: TypeError: mine");
    clearLastCallbackError();
    assert.equal(getLastCallbackError(), null);
  });

  test("a log that fails is no failure of the work", () => {
    const log = () => {
      throw new Error("log");
    };
    const { runtime, events } = listen({ log });
    runtime.registerSubscriber("throws", log);
    runtime.event("m");
    assert.equal(events.length, 1);
    assert.equal(runtime.readStats().subscriberErrorCount, 1);
  });

  test("failures go to the console unless told otherwise", (t) => {
    const error = t.mock.method(console, "error", () => {});
    const runtime = new Runtime();
    runtime.registerSubscriber("throws", () => {
      throw 1;
    });
    runtime.event("m");
    assert.equal(error.mock.callCount(), 1);
  });

  test("a cancellation goes on once everybody was served", async () => {
    const { runtime, events } = listen();
    const abort = AbortSignal.abort().reason;
    runtime.registerSubscriber("aborts", (event) => {
      if (event.scope_category === "start") throw abort;
    });
    runtime.registerSubscriber("after", (event) => events.push(event));
    await assert.rejects(
      runtime.toolCallExecute("t", 1, () => 5),
      (error) => error === abort,
    );
    assert.deepEqual(outline(events), ["t:start", "t:start", "t:end", "t:end"]);
    assert.throws(
      () => runtime.pushScope("s", ScopeType.Agent),
      (error) => error === abort,
    );
    assert.equal(runtime.getHandle().name, "root");
  });

  test("an async function is refused, a class and a bound one are not looked into", () => {
    const { runtime } = listen();
    assert.throws(() => runtime.registerSubscriber("a", async () => {}), InvalidArgument);
    assert.throws(() => runtime.registerSubscriber("a", async function* () {}), InvalidArgument);
    runtime.registerSubscriber("b", function () {}.bind(null));
  });

  test("what a subscriber emits comes after the event has reached everybody", () => {
    const runtime = new Runtime({ deterministic: true });
    const seen = [];
    runtime.registerSubscriber("emits", (event) => {
      seen.push(`1 ${event.name}`);
      if (event.name === "first") runtime.event("second");
    });
    runtime.registerSubscriber("hears", (event) => seen.push(`2 ${event.name}`));
    runtime.event("first");
    assert.deepEqual(seen, ["1 first", "2 first", "1 second", "2 second"]);
  });

  test("a subscriber of a scope hears its end, not its start", () => {
    const { runtime } = listen();
    const seen = [];
    const scope = runtime.pushScope("s", ScopeType.Agent);
    scope.registerSubscriber("local", (event) => seen.push(event));
    runtime.event("m");
    scope.pop();
    runtime.event("after");
    assert.deepEqual(outline(seen), ["m:mark", "s:end"]);
  });

  test("a function is let go when it is deregistered", () => {
    const { runtime } = listen();
    const before = engine.refs.count;
    runtime.registerSubscriber("s", () => {});
    assert.equal(engine.refs.count, before + 1);
    assert.throws(() => runtime.registerSubscriber("s", () => {}));
    assert.equal(engine.refs.count, before + 1);
    assert.equal(runtime.deregisterSubscriber("s"), true);
    assert.equal(engine.refs.count, before);
  });

  test("a subscriber may throw away the runtime's other subscribers", () => {
    const runtime = new Runtime();
    let count = 0;
    runtime.registerSubscriber("first", () => runtime.deregisterSubscriber("second"));
    runtime.registerSubscriber("second", () => (count += 1));
    runtime.event("m");
    runtime.event("m");
    assert(count <= 1);
  });
});
