// What decorated generator functions give (S1.11, S4.7, S1.12).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { agent, InvalidState, llm, ScopeType, tool } from "scopeflow";
import { collect, countRefs, listen, outline } from "./helpers.mjs";

const KINDS = { tool, agent, llm };
const pause = () => new Promise(setImmediate);

function metadataOf(events, name = "work") {
  return events.find((e) => e.name === name && e.scope_category === "end").metadata;
}

async function drain(running) {
  const all = [];
  for await (const value of running) all.push(value);
  return all;
}

/** The calls of a generator, which are the same of a plain and of an async one. */
const WAYS = {
  plain: (body) => body,
  async: (body) =>
    async function* (...given) {
      const inner = body.apply(this, given);
      let sent;
      let method = "next";
      try {
        for (;;) {
          await pause();
          const { done, value } = inner[method](sent);
          if (done) return value;
          try {
            sent = yield value;
            method = "next";
          } catch (error) {
            sent = error;
            method = "throw";
          }
        }
      } finally {
        inner.return();
      }
    },
};

for (const [kind, decorate] of Object.entries(KINDS)) {
  for (const [way, made] of Object.entries(WAYS)) {
    describe(`${way} generators under ${kind}`, () => {
      const decorated = (runtime, body) =>
        decorate(made(body), { name: "work", parameters: ["n"], runtime });

      test("give what the body gives, and end with it", async () => {
        const { runtime, events } = listen();
        const work = decorated(runtime, function* (n) {
          for (let i = 0; i < n; i++) yield i;
          return "all";
        });
        const running = work(2);
        assert.equal(events.length, 0);
        const seen = [];
        for (let step; !step?.done; seen.push(step)) step = await running.next();
        const ended = { done: true, value: "all" };
        assert.deepEqual(seen, [{ done: false, value: 0 }, { done: false, value: 1 }, ended]);
        assert.deepEqual(await running.next(), { done: true, value: undefined });
        assert.deepEqual(outline(events), ["work:start", "work:end"]);
        assert.equal(metadataOf(events)["otel.status_code"], "OK");
        if (kind !== "llm") assert.equal(events[1].data, "all");
        const all = [];
        for await (const value of work(3)) all.push(value);
        assert.deepEqual(all, [0, 1, 2]);
      });

      test("pass on what is sent and thrown", async () => {
        const { runtime, events } = listen();
        const got = [];
        const work = decorated(runtime, function* () {
          for (;;) {
            try {
              got.push(yield got.length);
            } catch (error) {
              got.push(error.message);
            }
          }
        });
        const running = work(1);
        await running.next("lost");
        await running.next("a");
        assert.deepEqual(await running.throw(new Error("b")), { done: false, value: 2 });
        await running.next("c");
        assert.deepEqual(got, ["a", "b", "c"]);
        assert.equal(events.length, 1);
        await running.return();
        assert.equal(metadataOf(events)["error.type"], "cancelled");
      });

      test("end with the body's error", async () => {
        const { runtime, events } = listen();
        const thrown = new TypeError("odd");
        const work = decorated(runtime, function* () {
          yield 1;
          throw thrown;
        });
        const running = work(1);
        await running.next();
        await assert.rejects(
          async () => running.next(),
          (error) => error === thrown,
        );
        assert.equal(metadataOf(events)["exception.type"], "TypeError");
        assert.deepEqual(await running.next(), { done: true, value: undefined });
        assert.equal(events.length, 2);
      });

      test("are ended by their consumer, the body at once", async () => {
        const { runtime, events } = listen();
        let isOver = false;
        const work = decorated(runtime, function* () {
          try {
            for (let i = 0; ; i++) yield i;
          } finally {
            isOver = true;
          }
        });
        for await (const value of work(1)) if (value === 2) break;
        assert(isOver);
        assert.equal(metadataOf(events)["otel.status_code"], "ERROR");
        assert.equal(metadataOf(events)["error.type"], "cancelled");
        const running = work(1);
        await running.next();
        assert.deepEqual(await running.return(7), { done: true, value: 7 });
        assert.deepEqual(await running.return(8), { done: true, value: 8 });
        assert.equal(events.length, 4);
      });

      test("that never began leave nothing", async () => {
        const { runtime, events } = listen();
        const work = decorated(runtime, function* () {
          assert.fail();
        });
        assert.deepEqual(await work(1).return(5), { done: true, value: 5 });
        const thrown = new Error("x");
        await assert.rejects(
          async () => work(1).throw(thrown),
          (error) => error === thrown,
        );
        work(1);
        assert.equal(events.length, 0);
      });

      test("that are dropped are abandoned", async () => {
        const { runtime, events } = listen();
        const work = decorated(runtime, function* () {
          yield 1;
          yield 2;
        });
        await (async () => void (await work(1).next()))();
        await collect(() => {
          runtime.flush();
          return events.length === 2;
        });
        assert.equal(metadataOf(events)["error.type"], "abandoned");
      });

      test("leak no scope either way, and see what was current at the call", async () => {
        const { runtime, events } = listen();
        const work = decorated(runtime, function* () {
          const inner = runtime.pushScope("inner", ScopeType.Function);
          yield runtime.getHandle().name;
          yield runtime.getHandle().name;
          inner.pop();
          yield runtime.getHandle().name;
        });
        const asked = runtime.withScopeSync("caller", ScopeType.Agent, () => work(1));
        const outer = runtime.pushScope("consumer", ScopeType.Agent);
        const names = [];
        for await (const name of asked) {
          names.push(name);
          assert.equal(runtime.getHandle(), outer);
        }
        // What a body makes current behind an await of its own is not seen at its next step.
        if (way === "plain") assert.deepEqual(names, ["inner", "inner", "work"]);
        const [caller] = events;
        const start = events.find((e) => e.name === "work");
        // The caller's scope has ended by then: the nearest open one takes its place.
        assert.equal(start.parent_uuid, caller.parent_uuid);
        outer.pop();
      });

      test("take one step at a time", async () => {
        const { runtime, events } = listen();
        let running;
        const work = decorated(runtime, function* () {
          yield 1;
          running.next();
        });
        running = work(1);
        if (way === "async") {
          const both = await Promise.allSettled([running.next(), running.next()]);
          assert.deepEqual(
            both.map((each) => each.status),
            ["fulfilled", "rejected"],
          );
          assert(both[1].reason instanceof InvalidState);
          assert.deepEqual((await running.return(1)).value, 1);
        } else {
          running.next();
          assert.throws(() => running.next(), InvalidState);
        }
        assert.equal(events.length, 2);
      });

      test("are what others take them for", async () => {
        const { runtime } = listen();
        const body = function* (n) {
          yield* [n, n];
        };
        const work = decorated(runtime, body);
        const running = work(1);
        const symbol = way === "async" ? Symbol.asyncIterator : Symbol.iterator;
        assert.equal(running[symbol](), running);
        const outer = agent({ name: "outer", runtime })(work);
        const all = [];
        for await (const value of outer(3)) all.push(value);
        assert.deepEqual(all, [3, 3]);
      });
    });
  }
}

test("no reference stays, however generators end", async () => {
  const { runtime, events } = listen();
  const before = await countRefs();
  for (const decorate of [tool, agent, llm]) {
    const options = { name: "work", parameters: ["n"], runtime };
    const body = function* (n) {
      yield { n };
      if (n === 1) throw new Error("odd");
      yield { n };
    };
    for (const work of [decorate(body, options), decorate(WAYS.async(body), options)]) {
      for (const n of [0, 1]) {
        for (let i = 0; i < 50; i++) {
          const running = work(n);
          await running.next();
          // Read on to the end, to the error; stopped; thrown at; dropped.
          if (i % 4 === 0) await drain(running).catch(() => {});
          else if (i % 4 === 1) await running.return();
          else if (i % 4 === 2) await assert.rejects(async () => running.throw(new Error("x")));
        }
      }
    }
  }
  const starts = 3 * 2 * 2 * 50;
  await collect(() => {
    runtime.flush();
    return events.length === 2 * starts;
  });
  assert.equal(events.length, 2 * starts);
  assert.equal(await countRefs(), before);
});

describe("middleware of generators", () => {
  const counting = (runtime, isAsync) =>
    tool(
      isAsync
        ? async function* (n) {
            for (let i = 0; i < n; i++) yield i;
          }
        : function* (n) {
            for (let i = 0; i < n; i++) yield i;
          },
      { name: "count", parameters: ["n"], runtime },
    );
  for (const isAsync of [false, true]) {
    const which = isAsync ? "an async tool" : "a tool";

    test(`request intercepts change what ${which} gets`, async () => {
      const { runtime, events } = listen();
      runtime.registerToolRequestIntercept("more", 0, false, (name, { n }) => ({ n: n + 1 }));
      assert.deepEqual(await drain(counting(runtime, isAsync)(1)), [0, 1]);
      assert.deepEqual(events[0].data, { n: 2 });
    });

    test(`guards refuse ${which}, at its first step`, async () => {
      const { runtime, events } = listen();
      runtime.registerToolConditionalExecutionGuardrail("g", 0, () => "closed");
      const running = counting(runtime, isAsync)(1);
      await assert.rejects(async () => running.next(), /guardrail rejected: closed/);
      assert.deepEqual(await running.next(), { done: true, value: undefined });
      assert.deepEqual(outline(events), ["count:mark"]);
    });

    for (const [what, intercept] of Object.entries({
      "goes on": (args, next) => next(args),
      "answers itself": () => "instead",
      "catches all": async (args, next) => {
        try {
          return await next(args);
        } catch {
          return "caught";
        }
      },
    })) {
      test(`an execution intercept that ${what} cannot wrap ${which}`, async () => {
        if (!isAsync && what === "catches all") return;
        const { runtime, events } = listen();
        runtime.registerToolExecutionIntercept("e", 0, intercept);
        const running = counting(runtime, isAsync)(1);
        await assert.rejects(
          async () => running.next(),
          (error) =>
            error instanceof InvalidState &&
            /'count' is a generator, which no execution intercept can wrap/.test(error.message),
        );
        assert.equal(events.filter((event) => event.scope_category === "end").length, 1);
        assert.equal(runtime.getHandle(), runtime.root());
      });
    }
  }

  test("async guards of async generators are awaited", async () => {
    const { runtime, events } = listen();
    runtime.registerToolConditionalExecutionGuardrail("g", 0, async () => (await pause(), null));
    runtime.registerToolSanitizeResponseGuardrail("s", 0, async () => (await pause(), "clean"));
    assert.deepEqual(await drain(counting(runtime, true)(2)), [0, 1]);
    assert.equal(events[1].data, "clean");
    await assert.rejects(async () => counting(runtime, false)(2).next(), InvalidState);
  });

  test("a guard that turns out to need a wait fails a plain generator", () => {
    const { runtime } = listen();
    runtime.registerToolConditionalExecutionGuardrail("g", 0, () => Promise.resolve(null));
    assert.throws(() => counting(runtime, false)(2).next(), /cannot wait/);
  });

  test("stream intercepts wrap those of models", async () => {
    const { runtime, events } = listen();
    runtime.registerLlmStreamExecutionIntercept("loud", 0, async function* (request, next) {
      for await (const chunk of await next(request)) yield chunk.toUpperCase();
    });
    const ask = llm(
      async function* (prompt) {
        yield* prompt.split(" ");
      },
      { name: "ask", parameters: ["prompt"], chunkMarks: true, runtime },
    );
    assert.deepEqual(await drain(ask("a b")), ["A", "B"]);
    assert.deepEqual(events[0].data.content, { prompt: "a b" });
    assert.deepEqual(events[0].attributes, ["streaming"]);
    assert.equal(events.filter((event) => event.kind === "mark").length, 2);
  });
});
