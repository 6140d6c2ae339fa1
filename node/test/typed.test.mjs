import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, beforeEach, describe, test } from "node:test";
import {
  InvalidArgument,
  JsonPassthrough,
  ScopeType,
  deregisterSubscriber,
  deregisterToolExecutionIntercept,
  deregisterToolRequestIntercept,
  pushScope,
  registerSubscriber,
  registerToolExecutionIntercept,
  registerToolRequestIntercept,
  typedLlmExecute,
  typedLlmStreamExecute,
  typedToolExecute,
} from "scopeflow";

// Where the build keeps what it needs from npm.
const require = createRequire(process.env.SCOPEFLOW_TYPESCRIPT);

class Celsius {
  constructor(degrees) {
    this.degrees = degrees;
  }
}

const celsius = {
  toJson: (value) => ({ degrees: value.degrees }),
  fromJson: (data) => new Celsius(data.degrees),
};
const refused = (told) => (error) => error instanceof InvalidArgument && told.test(error.message);
const request = { headers: {}, content: { prompt: "hi" } };

describe("typed calls", () => {
  let events;

  beforeEach(() => {
    events = [];
    registerSubscriber("typed", (event) => events.push(event));
  });
  afterEach(() => deregisterSubscriber("typed"));

  test("a tool sees values of its own, and middleware and events see JSON", async () => {
    registerToolRequestIntercept("warmer", 0, false, (_, args) => ({ degrees: args.degrees + 1 }));
    registerToolExecutionIntercept("twice", 0, async (args, next) => ({
      degrees: 2 * (await next(args)).degrees,
    }));
    let seen;
    try {
      const result = await typedToolExecute(
        "heat",
        new Celsius(20),
        (value) => {
          seen = value;
          return new Celsius(value.degrees * 10);
        },
        celsius,
        celsius,
      );
      assert.ok(seen instanceof Celsius && seen.degrees === 21);
      assert.ok(result instanceof Celsius && result.degrees === 420);
    } finally {
      deregisterToolRequestIntercept("warmer");
      deregisterToolExecutionIntercept("twice");
    }
    assert.deepEqual(
      events.map((event) => event.data),
      [{ degrees: 21 }, { degrees: 420 }],
    );
  });

  test("the peers' options name the parent `handle`", async () => {
    const parent = pushScope("parent", ScopeType.Function);
    const json = new JsonPassthrough();
    await typedToolExecute("t", 1, () => 2, json, json, { handle: parent, toolCallId: "c1" });
    parent.pop();
    const start = events.find((event) => event.name === "t");
    assert.equal(start.parent_uuid, parent.uuid);
    assert.deepEqual(start.category_profile, { tool_call_id: "c1" });
  });

  test("an LLM answers with a value of the application", async () => {
    const seen = [];
    const response = await typedLlmExecute(
      "gpt",
      request,
      async (given) => {
        seen.push(given);
        return new Celsius(3);
      },
      celsius,
      { modelName: "gpt-5" },
    );
    assert.equal(seen[0], request);
    assert.ok(response instanceof Celsius);
    assert.deepEqual(events[1].data, { degrees: 3 });
    assert.deepEqual(events[0].category_profile, { model_name: "gpt-5" });
  });

  test("a stream collects values, and gives JSON", async () => {
    const collected = [];
    const stream = await typedLlmStreamExecute(
      "gpt",
      request,
      async function* () {
        yield new Celsius(1);
        yield new Celsius(2);
      },
      (chunk) => collected.push(chunk),
      () => new Celsius(collected.length),
      celsius,
      celsius,
    );
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    assert.deepEqual(chunks, [{ degrees: 1 }, { degrees: 2 }]);
    assert.ok(collected.every((chunk) => chunk instanceof Celsius));
    assert.deepEqual(events.at(-1).data, { degrees: 2 });
  });

  for (const [library, schemas] of [
    ["zod", (z) => [z.object({ q: z.string().trim() }), z.object({ n: z.number() })]],
    [
      "valibot",
      (v) => [v.object({ q: v.pipe(v.string(), v.trim()) }), v.object({ n: v.number() })],
    ],
  ]) {
    test(`schemas of ${library} read what comes`, async () => {
      const [args, result] = schemas(require(library));
      let seen;
      const target = (given) => {
        seen = given;
        return { n: 1 };
      };
      const find = (value) => typedToolExecute("find", value, target, args, result);
      assert.deepEqual(await find({ q: " a " }), { n: 1 });
      assert.deepEqual(seen, { q: "a" });
      await assert.rejects(find({ q: 7 }), refused(/argsCodec refused a value: q: /));
      assert.equal(events.at(-1).metadata["otel.status_code"], "ERROR");
    });
  }

  test("a schema that waits is awaited, but not for a chunk", async () => {
    const late = {
      "~standard": { version: 1, vendor: "late", validate: async (value) => ({ value: [value] }) },
    };
    assert.deepEqual(await typedToolExecute("t", 1, (given) => given[0] + 1, late, late), [2]);
    const stream = await typedLlmStreamExecute(
      "gpt",
      request,
      async function* () {
        yield 1;
      },
      () => {},
      () => null,
      late,
      new JsonPassthrough(),
    );
    await assert.rejects(async () => {
      for await (const _ of stream);
    }, /chunkCodec must read a chunk at once/);
  });

  test("a codec that fails is the call's error, and what is no codec is refused", async () => {
    const broken = {
      toJson: () => {
        throw new RangeError("no JSON of this");
      },
      fromJson: (data) => data,
    };
    const json = new JsonPassthrough();
    await assert.rejects(typedToolExecute("t", 1, () => 2, json, broken), RangeError);
    assert.equal(events.at(-1).metadata["exception.type"], "RangeError");
    const told = refused(/argsCodec must have toJson and fromJson/);
    await assert.rejects(typedToolExecute("t", 1, () => 2, {}, json), told);
    await assert.rejects(typedLlmExecute("gpt", request, () => 2, undefined), InvalidArgument);
  });
});
