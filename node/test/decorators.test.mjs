// Functions under management by `tool`, `agent` and `llm`, as calls and by the syntax (S3, S4).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  agent,
  GuardrailRejected,
  InvalidArgument,
  InvalidState,
  llm,
  LlmAttributes,
  ScopeAttributes,
  ScopeType,
  tool,
  ToolAttributes,
} from "scopeflow";
import * as scopeflow from "scopeflow";
import { outputOfCompiled } from "./compiled.mjs";
import { listen, outline } from "./helpers.mjs";

const KINDS = { tool, agent, llm };
const pause = () => new Promise(setImmediate);

/** What the start event says of the arguments. */
function argumentsIn(events, name) {
  const { data, category } = events.find((e) => e.name === name && e.scope_category === "start");
  return category === "llm" ? data.content : data;
}

function endOf(events, name) {
  return events.find((event) => event.name === name && event.scope_category === "end");
}

for (const [kind, decorate] of Object.entries(KINDS)) {
  describe(`a function under ${kind}`, () => {
    test("is called as before, and its calls are events", () => {
      const { runtime, events } = listen();
      const work = decorate((a, b = 2) => ({ sum: a + b }), {
        name: "work",
        parameters: ["a", "b"],
        metadata: { m: 1 },
        runtime,
      });
      assert.deepEqual(work(1), { sum: 3 });
      assert.deepEqual(outline(events), ["work:start", "work:end"]);
      assert.deepEqual(argumentsIn(events, "work"), { a: 1 });
      assert.equal(events[0].category, kind);
      assert.deepEqual(events[0].metadata, { m: 1 });
      assert.deepEqual(events[1].data, { sum: 3 });
      assert.equal(events[1].metadata["otel.status_code"], "OK");
    });

    test("may be async", async () => {
      const { runtime, events } = listen();
      async function work(value) {
        await pause();
        return value + 1;
      }
      const managed = decorate(work, { runtime });
      assert.deepEqual([managed.name, managed.length], ["work", 1]);
      assert.equal(await managed(1), 2);
      assert.equal(argumentsIn(events, "work"), 1);
      assert.equal(events[1].data, 2);
      const promising = decorate({ runtime, async: true, name: "later" })((value) =>
        pause().then(() => value),
      );
      assert.equal(await promising(7), 7);
      assert.equal(events[3].data, 7);
    });

    test("that gives a promise without saying so is told how to", () => {
      const { runtime, events } = listen();
      const work = decorate(() => Promise.reject(new Error("nobody waits")), {
        name: "work",
        runtime,
      });
      assert.throws(work, (error) => {
        assert(error instanceof InvalidState);
        assert.match(error.message, /'work' gave a promise and is not declared async/);
        return true;
      });
      assert.equal(events[1].metadata["otel.status_code"], "ERROR");
    });

    test("without names: one argument is itself, several are an array, none is an object", () => {
      const { runtime, events } = listen();
      const work = decorate((...given) => given.length, { name: "work", runtime });
      for (const given of [[], [{ q: 1 }], [1, 2]]) {
        events.length = 0;
        assert.equal(work(...given), given.length);
        const expected = given.length === 0 ? {} : given.length === 1 ? given[0] : given;
        assert.deepEqual(argumentsIn(events, "work"), expected);
      }
    });

    test("throws its own error", async () => {
      const { runtime, events } = listen();
      const aborted = new DOMException("stop", "AbortError");
      for (const thrown of [new TypeError("odd"), aborted, "text", undefined]) {
        const isIt = (error) => error === thrown;
        const plain = () => {
          throw thrown;
        };
        const later = async () => {
          await pause();
          throw thrown;
        };
        events.length = 0;
        assert.throws(() => decorate(plain, { name: "plain", runtime })(), isIt);
        await assert.rejects(decorate(later, { name: "later", runtime })(), isIt);
        const type = thrown === aborted ? "cancelled" : "exception";
        assert.deepEqual(
          ["plain", "later"].map((name) => endOf(events, name).metadata["error.type"]),
          [type, type],
        );
      }
    });

    test("is what its work is a child of, at once too", async () => {
      const { runtime, events } = listen();
      const inner = tool(async (n) => (await pause(), runtime.getHandle().name), {
        name: "inner",
        runtime,
      });
      const outer = decorate(async (n) => (await pause(), inner(n)), { name: "outer", runtime });
      assert.deepEqual(await Promise.all([outer(1), outer(2)]), ["inner", "inner"]);
      const starts = (name) =>
        events.filter((e) => e.name === name && e.scope_category === "start");
      const numbers = new Map(starts("outer").map((e) => [e.uuid, e.data.content ?? e.data]));
      for (const start of starts("inner")) {
        assert.equal(numbers.get(start.parent_uuid), start.data);
        numbers.delete(start.parent_uuid);
      }
      assert.equal(numbers.size, 0);
      assert.equal(runtime.getHandle(), runtime.root());
    });

    test("keeps this, as a method and as a field", () => {
      const { runtime } = listen();
      class Counter {
        count = 3;
        plus(n) {
          return this.count + n;
        }
      }
      Counter.prototype.plus = decorate(Counter.prototype.plus, { runtime });
      assert.equal(new Counter().plus(1), 4);
    });

    test("uses the default runtime if nothing is said", () => {
      const seen = [];
      scopeflow.registerSubscriber("decorators", (event) => seen.push(event.name));
      const bare = decorate(function bare() {});
      bare();
      scopeflow.deregisterSubscriber("decorators");
      assert.deepEqual(seen, ["bare", "bare"]);
    });

    test("has to be a function, with a name, and options that are right", () => {
      const isWrong = (text) => (error) => {
        assert(error instanceof InvalidArgument);
        assert.match(error.message, text);
        return true;
      };
      const what = new RegExp(`^${kind} decorates a function, not `);
      for (const wrong of [null, undefined, 7, "f", class {}]) {
        assert.throws(() => decorate(wrong), isWrong(what));
      }
      assert.throws(() => decorate(() => {}), isWrong(/needs a name/));
      const work = function work() {};
      for (const [options, text] of [
        [{ name: 7 }, /name of .* must be a string, not 7/],
        [{ async: "yes" }, /async of .* must be a boolean/],
        [{ runtime: {} }, /runtime of .* must be a Runtime/],
        [{ parameters: "ab" }, /parameters of .* must be an array of different names/],
        [{ parameters: ["a", "a"] }, /parameters of/],
        [7, /options of .* must be an object/],
      ]) {
        assert.throws(() => decorate(work, options), isWrong(text));
      }
      assert.throws(() => decorate({ name: 7 }), isWrong(/name of/));
      const old = [{}, "plus", Object.getOwnPropertyDescriptor({ plus() {} }, "plus")];
      assert.throws(() => decorate(...old), isWrong(/experimentalDecorators must be off/));
      assert.throws(() => decorate({})(...old), isWrong(/experimentalDecorators must be off/));
      const place = { kind: "getter", name: "x", addInitializer() {} };
      assert.throws(() => decorate(work, place), isWrong(/methods and fields, not a getter/));
    });

    test("may be decorated again, and is still what it was", async () => {
      const { runtime, events } = listen();
      const twice = decorate(tool(async (n) => n, { name: "in", runtime }), {
        name: "out",
        runtime,
      });
      assert.equal(await twice(1), 1);
      assert.deepEqual(outline(events), ["out:start", "in:start", "in:end", "out:end"]);
    });
  });
}

describe("what is said of each kind", () => {
  test("attributes", () => {
    const { runtime, events } = listen();
    tool(() => {}, { name: "t", attributes: ToolAttributes.Remote, runtime })();
    agent(() => {}, { name: "a", attributes: ScopeAttributes.Parallel, runtime })();
    llm(() => {}, { name: "l", attributes: LlmAttributes.Stateful, runtime })();
    assert.deepEqual(
      events.filter((e) => e.scope_category === "start").map((e) => e.attributes),
      [["remote"], ["parallel"], ["stateful"]],
    );
  });
});

describe("middleware of a decorated tool", () => {
  test("guards see the arguments and refuse", () => {
    const { runtime, events } = listen();
    runtime.registerToolConditionalExecutionGuardrail("g", 0, (name, { id }) =>
      id === 1 ? `${name} is off` : null,
    );
    const drop = tool((id) => id, { name: "drop", parameters: ["id"], runtime });
    assert.throws(() => drop(1), GuardrailRejected);
    assert.deepEqual(outline(events), ["drop:mark"]);
    assert.equal(drop(2), 2);
  });

  test("what nobody changed is the very object", () => {
    const { runtime } = listen();
    const given = [{ deep: [1] }, { other: 2 }, () => {}];
    const names = ["a", "b", "c"];
    runtime.registerToolRequestIntercept("copy", 0, false, (name, args) => args);
    for (const parameters of [names, undefined]) {
      const got = tool((...args) => args, { name: "t", parameters, runtime })(...given);
      assert.equal(got.length, 3);
      got.forEach((value, index) => assert.equal(value, given[index]));
    }
    const single = tool((value) => value, { name: "t", runtime });
    assert.equal(single(given[0]), given[0]);
  });

  test("what stays beside a change is the very object", () => {
    const { runtime } = listen();
    runtime.registerToolRequestIntercept("change", 0, false, (name, args) => {
      if (Array.isArray(args)) args[1].x = 9;
      else (args.b ?? args.nested).x = 9;
      return args;
    });
    const [a, b] = [{ deep: [1] }, { x: 2 }];
    for (const parameters of [["a", "b"], undefined]) {
      const [one, other] = tool((...args) => args, { name: "t", parameters, runtime })(a, b);
      assert.equal(one, a);
      assert.deepEqual(other, { x: 9 });
    }
    const got = tool((value) => value, { name: "t", runtime })({ kept: a, nested: b });
    assert.equal(got.kept, a);
    assert.deepEqual(got.nested, { x: 9 });
    assert.deepEqual(b, { x: 2 });
  });

  test("any change of a container counts", () => {
    const { runtime } = listen();
    let change;
    runtime.registerToolRequestIntercept("change", 0, false, (name, args) => change(args));
    const work = tool((value) => value, { name: "t", runtime });
    const original = { list: [1, { a: 1 }], map: new Map([["k", 1]]), nan: NaN };
    for (change of [
      (v) => (v.list.push(2), v),
      (v) => ((v.list[1].a = 2), v),
      (v) => (v.map.set("k", 2), v),
      (v) => ({ nan: v.nan, map: v.map, list: v.list }),
      (v) => (delete v.nan, v),
      (v) => ((v.list[0] = -1), v),
    ]) {
      assert.notEqual(work(original), original);
    }
    change = (v) => structuredClone(v);
    assert.equal(work(original), original);
  });

  test("an intercept may leave out and add what has a name", () => {
    const { runtime } = listen();
    let answer;
    runtime.registerToolRequestIntercept("answer", 0, false, () => answer);
    const work = tool((a = "default", b = "none") => [a, b], {
      name: "t",
      parameters: ["a", "b"],
      runtime,
    });
    answer = { b: 2 };
    assert.deepEqual(work(1), ["default", 2]);
    answer = {};
    assert.deepEqual(work(1, 2), ["default", "none"]);
  });

  test("what the function cannot take is refused", () => {
    const { runtime, events } = listen();
    let answer;
    runtime.registerToolRequestIntercept("answer", 0, false, () => answer);
    const named = tool(() => assert.fail(), { name: "named", parameters: ["a"], runtime });
    const listed = tool(() => assert.fail(), { name: "listed", runtime });
    for (const [call, given, text] of [
      [() => named(1), { a: 1, z: 2 }, /for 'named' have a member 'z', which it does not take/],
      [() => named(1), [1], /for 'named' are array, no object/],
      [() => listed(1, 2), { a: 1 }, /for 'listed' are object, no array/],
    ]) {
      answer = given;
      events.length = 0;
      assert.throws(call, (error) => error instanceof InvalidArgument && text.test(error.message));
      assert.equal(events[1].metadata["error.type"], "invalid_argument");
    }
  });

  test("further arguments than have names are left out, for the function too", () => {
    const { runtime, events } = listen();
    const work = tool((...given) => given, { name: "t", parameters: ["a"], runtime });
    assert.deepEqual(["x"].map(work), [["x"]]);
    assert.deepEqual(events[0].data, { a: "x" });
  });

  test("execution intercepts wrap it", async () => {
    const { runtime } = listen();
    const twice = ({ n }, next) => next({ n: n * 2 });
    runtime.registerToolExecutionIntercept("twice", 0, twice);
    assert.equal(tool((n) => n + 1, { name: "t", parameters: ["n"], runtime })(2), 5);
    const later = tool(async (n) => n + 1, { name: "t", parameters: ["n"], runtime });
    assert.equal(await later(2), 5);
  });
});

describe("an AbortSignal behind the arguments", () => {
  const never = () => new Promise(() => {});

  test("is the function's, and nobody else's", async () => {
    const { runtime, events } = listen();
    const { signal } = new AbortController();
    const given = [];
    const keep = (...args) => void given.push(args);
    const kinds = [tool, agent, llm];
    for (const kind of kinds) {
      kind(keep, { name: "one", runtime })("x", signal);
      kind(keep, { name: "named", runtime, parameters: ["a", "b"] })("x", 2, signal);
    }
    kinds.forEach((_, i) => {
      assert.deepEqual(given[2 * i], ["x", signal]);
      assert.deepEqual(given[2 * i + 1], ["x", 2, signal]);
    });
    const starts = events.filter((event) => event.scope_category === "start");
    const data = starts.map((event) => event.data?.content ?? event.data);
    assert.deepEqual(data, Array(3).fill(["x", { a: "x", b: 2 }]).flat());
  });

  test("keeps its place where an intercept leaves an argument out", async () => {
    const { runtime } = listen();
    runtime.registerToolRequestIntercept("less", 0, false, () => ({ a: 1 }));
    const options = { name: "t", runtime, parameters: ["a", "b"], async: true };
    const { signal } = new AbortController();
    const decorated = tool(async (a, b = 5, last) => [a, b, last], options);
    assert.deepEqual(await decorated(0, 0, signal), [1, 5, signal]);
  });

  test("cancels a tool, a model and a stream", async () => {
    const { runtime, events } = listen();
    const reason = new Error("enough");
    const controller = new AbortController();
    const { signal } = controller;
    const stream = llm(
      async function* () {
        yield 1;
        await never();
      },
      { name: "stream", runtime },
    )("x", signal);
    assert.equal((await stream.next()).value, 1);
    const pending = [
      tool(never, { name: "tool", runtime, async: true })("x", signal),
      llm(never, { name: "model", runtime, async: true })("x", signal),
      stream.next(),
    ];
    controller.abort(reason);
    for (const each of pending) await assert.rejects(each, reason);
    const ends = events.filter((event) => event.scope_category === "end");
    assert.deepEqual(ends.map(({ name }) => name).sort(), ["model", "stream", "tool"]);
    for (const { metadata } of ends) assert.equal(metadata["error.type"], "cancelled");
    await assert.rejects(tool(never, { name: "late", runtime, async: true })(signal), reason);
    assert.equal(events.filter(({ name }) => name === "late").length, 0);
  });
});

describe("the request of a decorated model", () => {
  test("is made of the arguments, names the model, and gives up its headers", () => {
    const { runtime, events } = listen();
    const ask = llm(({ prompt, headers }) => `${prompt}, ${headers["x-user"]}`, {
      name: "ask",
      runtime,
    });
    const headers = { authorization: "Bearer secret", "x-user": "ada" };
    assert.equal(ask({ model: "gpt", prompt: "hi", headers }), "hi, ada");
    const { data, category_profile } = events[0];
    assert.deepEqual(data, {
      content: { model: "gpt", prompt: "hi" },
      headers: { "x-user": "ada" },
    });
    assert.deepEqual(category_profile, { model_name: "gpt" });
    llm(() => {}, { name: "named", modelName: "other", runtime })({ model: "gpt" });
    assert.deepEqual(events[2].category_profile, { model_name: "other" });
  });

  test("is the first argument where that is one", () => {
    const { runtime, events } = listen();
    const request = { headers: { a: 1 }, content: "hi" };
    const ask = llm((given, more) => [given, more], { name: "ask", runtime });
    assert.equal(ask(request, 7)[0], request);
    assert.deepEqual(events[0].data, request);
    runtime.registerLlmRequestIntercept("edit", 0, false, ({ request: given }) => ({
      ...given,
      content: "ho",
    }));
    assert.deepEqual(ask(request, 7), [{ headers: { a: 1 }, content: "ho" }, 7]);
  });

  test("can be changed by intercepts, its headers where they have a place", () => {
    const { runtime } = listen();
    let edit;
    runtime.registerLlmRequestIntercept("edit", 0, false, ({ request }) => edit(request));
    const headers = { a: "1" };
    const options = { tags: ["x"] };
    const ask = llm((...given) => given, {
      name: "ask",
      parameters: ["prompt", "options", "headers"],
      runtime,
    });
    edit = (r) => ({ ...r, content: { ...r.content, prompt: "ho" } });
    const changed = ask("hi", options, headers);
    assert.deepEqual(changed, ["ho", options, headers]);
    assert(changed[1] === options && changed[2] === headers);
    edit = (r) => ({ ...r, headers: { ...r.headers, b: "2" } });
    assert.deepEqual(ask("hi", options, headers)[2], { a: "1", b: "2" });
    assert.deepEqual(ask("hi", options), ["hi", options, { b: "2" }]);
    edit = (r) => ({ ...r, content: "text" });
    assert.throws(() => ask("hi"), /are string, no object/);
    const plain = llm((...given) => given, { name: "plain", runtime });
    assert.deepEqual(plain("hi"), ["text"]);
    edit = (r) => ({ ...r, headers: { b: "2" } });
    assert.throws(() => plain("hi"), /have headers, for which it has no parameter/);
  });
});

describe("the syntax", () => {
  test("decorates methods, static and private ones, and fields; as TypeScript has it", () => {
    assert.deepEqual(JSON.parse(outputOfCompiled("decorated")), [
      "agent plan: tea",
      "tool search: {\"query\":\"leaves\"}",
      "llm ask: leaves",
      "tool total: [1,2]",
      "tool #hidden: {}",
      "agent field: 3",
    ]);
  });
});

describe("withScope", () => {
  test("ends its scope with what the handle's output says", async () => {
    const { runtime, events } = listen();
    await runtime.withScope("later", ScopeType.Agent, async (scope) => {
      await pause();
      scope.output = { a: 1 };
    });
    runtime.withScopeSync("at once", ScopeType.Agent, (scope) => void (scope.output = 2));
    assert.deepEqual([events[1].data, events[3].data], [{ a: 1 }, 2]);
    assert.equal(events[3].metadata["otel.status_code"], "OK");
  });

  test("at once returns and throws what the function does", () => {
    const { runtime, events } = listen();
    const options = { input: { q: 1 }, metadata: { m: 1 } };
    const ask = () => runtime.getHandle().name;
    const name = runtime.withScopeSync("s", ScopeType.Tool, ask, options);
    assert.equal(name, "s");
    assert.deepEqual([events[0].data, events[0].metadata], [{ q: 1 }, { m: 1 }]);
    const thrown = new TypeError("odd");
    const throwing = () => {
      throw thrown;
    };
    assert.throws(
      () => runtime.withScopeSync("s", ScopeType.Tool, throwing),
      (error) => error === thrown,
    );
    assert.equal(events[3].metadata["exception.type"], "TypeError");
    assert.equal(runtime.getHandle(), runtime.root());
  });

  test("at once refuses a promise, and a callback that is none", () => {
    const { runtime, events } = listen();
    assert.throws(
      () => runtime.withScopeSync("s", ScopeType.Tool, async () => Promise.reject(new Error("e"))),
      InvalidState,
    );
    assert.equal(events[1].metadata["error.type"], "invalid_state");
    assert.throws(() => runtime.withScopeSync("s", ScopeType.Tool, 7), InvalidArgument);
    assert.equal(events.length, 2);
  });
});
