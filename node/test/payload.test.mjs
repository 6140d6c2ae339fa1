// Goes through the table of encodings (spec/api/payload.yaml) row by row.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { runInNewContext } from "node:vm";
import { AtofExporter, Runtime } from "scopeflow";
import { engine, listen } from "./helpers.mjs";

const { gatherPayload } = createRequire(import.meta.url)("../dist/cjs/payload.js");

/**
 * The text of a value as the data of a mark. A single subscriber has it made when it looks, of what
 * the value was; where there are two it is made at the emission.
 */
function encoded(value, options = {}, { isForTwo = false } = {}) {
  const { runtime, events } = listen(options);
  if (isForTwo) runtime.registerSubscriber("second", () => {});
  runtime.event("m", { data: { value } });
  const { json } = events[0];
  return json.slice(json.indexOf('"data":') + 16, json.indexOf(',"data_schema"') - 1);
}

class Point {
  constructor() {
    this.x = 1;
    this.y = 2;
  }
  get sum() {
    return 3;
  }
}
class Money {
  toJSON(key) {
    return { key, amount: 5 };
  }
}
class Foreign extends WeakMap {}

function throws() {
  throw new RangeError("no");
}

const rows = {
  null: [[null, "null"]],
  boolean: [
    [true, "true"],
    [false, "false"],
    [Object(true), "true"],
  ],
  "integer from -2^63 to 2^64-1": [
    [0, "0"],
    [-1, "-1"],
    [2 ** 32, "4294967296"],
    [-(2 ** 32) - 1, "-4294967297"],
    [Number.MAX_SAFE_INTEGER, "9007199254740991"],
    [Number.MIN_SAFE_INTEGER, "-9007199254740991"],
    [2n ** 64n - 1n, "18446744073709551615"],
    [-(2n ** 63n), "-9223372036854775808"],
    [Object(7n), "7"],
  ],
  "wider integer": [
    [2n ** 64n, '{"$integer":"18446744073709551616"}'],
    [-(2n ** 63n) - 1n, '{"$integer":"-9223372036854775809"}'],
  ],
  "finite double": [
    [1.5, "1.5"],
    [-0, "0"],
    [1e21, "1e+21"],
    [2 ** 53, "9007199254740992"],
    [5e-324, "5e-324"],
    [0.1 + 0.2, "0.30000000000000004"],
  ],
  "NaN, infinity": [
    [NaN, "null"],
    [Infinity, "null"],
    [-Infinity, "null"],
  ],
  text: [
    ["plain", '"plain"'],
    ['"\\\n\u0001', '"\\"\\\\\\n\\u0001"'],
    ["žluť 😀", '"žluť 😀"'],
    ["a\ud800b", '"a\ufffdb"'],
    ["ž".repeat(5000), `"${"ž".repeat(5000)}"`],
    [Object("boxed"), '"boxed"'],
  ],
  bytes: [
    [new Uint8Array([1, 2, 3]), '{"$bytes":"AQID"}'],
    [Buffer.from([1, 2, 3]), '{"$bytes":"AQID"}'],
    [new Uint8Array([1, 2, 3]).buffer, '{"$bytes":"AQID"}'],
    [new Uint8Array([0, 1, 2, 3]).subarray(1), '{"$bytes":"AQID"}'],
    [new DataView(new Uint8Array([1, 2, 3]).buffer), '{"$bytes":"AQID"}'],
    [new Uint16Array([0x0201]), '{"$bytes":"AQI="}'],
    [new SharedArrayBuffer(2), '{"$bytes":"AAA="}'],
    [new ArrayBuffer(0), '{"$bytes":""}'],
  ],
  "date or time": [
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [new Date(NaN), "null"],
  ],
  decimal: [[{ toJSON: () => "12.50" }, '"12.50"']],
  "enum member": [[Object.freeze({ A: 1 }).A, "1"]],
  "dataclass, model, mapping": [
    [{ b: 1, a: 2, 1: 3 }, '{"1":3,"b":1,"a":2}'],
    [Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    [new Point(), '{"x":1,"y":2}'],
    [{ gone: undefined, [Symbol("s")]: 1 }, "{}"],
    [new Money(), '{"key":"value","amount":5}'],
    [new URL("http://localhost/a"), '"http://localhost/a"'],
    [
      new Map([
        ["b", 1],
        ["a", 2],
      ]),
      '{"b":1,"a":2}',
    ],
    [
      new Map([
        [1, "a"],
        ["1", "b"],
        [null, "c"],
        [2n, "d"],
      ]),
      '{"1":"b","null":"c","2":"d"}',
    ],
    [
      new Map([
        [Symbol("s"), 1],
        [new Point(), 2],
      ]),
      '{"s":1,"Point":2}',
    ],
    [runInNewContext("new Map([[1, new Date(0)]])"), '{"1":"1970-01-01T00:00:00.000Z"}'],
  ],
  "list or tuple": [
    [[1, "a", undefined, null], '[1,"a",null,null]'],
    [new Array(2), "[null,null]"],
    [[], "[]"],
  ],
  set: [
    [new Set([10, 2, "b", "a"]), '["a","b",10,2]'],
    [runInNewContext("new Set([1])"), "[1]"],
  ],
  "reference to an enclosing container": [[cycle(), '{"list":[{"$cycle":2},{"$cycle":1}]}']],
  "container beyond payload_depth_limit": [
    [nested(130), `${"[".repeat(126)}{"$depth":128}${"]".repeat(126)}`.replace(/^/, "[") + "]"],
  ],
  "anything else": [
    [() => {}, '{"$unserializable":"function"}'],
    [class A {}, '{"$unserializable":"function"}'],
    [Symbol("s"), '{"$unserializable":"symbol"}'],
    [new Foreign(), '{"$unserializable":"Foreign"}'],
    [Promise.resolve(), '{"$unserializable":"Promise"}'],
    [/x/, '{"$unserializable":"RegExp"}'],
    [new TypeError("x"), '{"$unserializable":"TypeError"}'],
    [{ toJSON: throws }, '{"$unserializable":"Object"}'],
    [
      {
        get a() {
          return throws();
        },
        b: 1,
      },
      '{"a":{"$unserializable":"RangeError"},"b":1}',
    ],
    [new Proxy({}, { ownKeys: throws }), '{"$unserializable":"Object"}'],
    [new Proxy({}, { getPrototypeOf: throws }), '{"$unserializable":"Object"}'],
    [new Proxy([1], { get: throws }), '{"$unserializable":"Object"}'],
  ],
};

function cycle() {
  const value = { list: [] };
  value.list.push(value, value.list);
  return value;
}

function nested(count) {
  let value = [];
  for (let i = 1; i < count; i++) value = [value];
  return value;
}

describe("payloads", () => {
  for (const [row, samples] of Object.entries(rows)) {
    test(row, () => {
      for (const [value, text] of samples) {
        assert.equal(encoded(value), text);
        assert.equal(encoded(value, {}, { isForTwo: true }), text);
      }
    });
  }

  test("absent, null and undefined are told apart", async () => {
    const { runtime, events } = listen();
    await runtime.toolCallExecute("t", undefined, () => undefined);
    await runtime.toolCallExecute("t", null, () => null, { data: "unused" });
    runtime.event("m", { data: null });
    assert.equal(events[1].metadata["data.null"], true);
    assert.equal(events[3].metadata["data.null"], true);
    assert.equal(events[4].data, null);
    assert.equal(events[4].metadata, null);
  });

  test("shared objects are no cycles", () => {
    const list = [1];
    assert.equal(encoded({ a: list, b: list }), '{"a":[1],"b":[1]}');
  });

  test("an object whose toJSON gives itself, or a cycle, ends", () => {
    const self = { a: 1, toJSON: () => self };
    assert.equal(encoded(self), '{"a":1,"toJSON":{"$unserializable":"function"}}');
    const outer = { toJSON: () => ({ outer }) };
    assert.equal(encoded(outer), '{"outer":{"$cycle":1}}');
    const endless = { toJSON: () => [{ toJSON: endless.toJSON }] };
    assert.match(encoded(endless), /^\[+\{"\$depth":128\}\]+$/);
  });

  test("the budget cuts the first text that does not fit, and visits nothing after it", () => {
    let visited = false;
    const value = {
      a: "x".repeat(100),
      get b() {
        visited = true;
        return 1;
      },
    };
    const text = encoded(value, { payloadBudgetBytes: 64 });
    assert.match(text, /^\{"a":"x+","\$truncated":64\}/);
    assert.equal(visited, false);
  });

  test("what is larger than the budget is cut or left out, whoever writes it", () => {
    const limits = { payloadBudgetBytes: 64 };
    const huge = "😀".repeat(1_000_000);
    assert.match(encoded(huge, limits), /^"(😀){10,16}","\$truncated":64$/u);
    assert.match(encoded({ a: huge }, { ...limits, canonical: true }), /^\{"a":"(😀){9,16}"/u);
    const bytes = new Uint8Array(1_000_000);
    const { runtime, events } = listen(limits);
    runtime.event("m", { data: { a: 1, bytes, b: 2 } });
    assert.deepEqual(events[0].data, { a: 1, $truncated: 64 });
    assert(gatherPayload(bytes, 64).textSize < 100, "all of the bytes are kept");
    assert.deepEqual(encoded({ bytes }, limits), encoded({ bytes }, limits, { isForTwo: true }));
  });

  test("numbers, which are long as tokens and short as text, are not cut too early", () => {
    const numbers = new Array(9000).fill(7);
    const text = encoded(numbers, { payloadBudgetBytes: 20_000 });
    assert.equal(text, JSON.stringify(numbers));
  });

  test("a huge payload is left alone beyond its budget", () => {
    let visited = 0;
    const element = {
      get value() {
        visited += 1;
        return "0123456789";
      },
    };
    encoded(new Array(1_000_000).fill(element), { payloadBudgetBytes: 1000 });
    assert(visited < 200, `${visited} elements were visited`);
  });

  test("canonical order is that of UTF-16, whatever the order of the keys", () => {
    const value = { "\ufb33": 1, "😀": 2, b: 3, a: { d: 4, c: 5 } };
    const text = encoded(value, { canonical: true });
    assert.equal(text, '{"a":{"c":5,"d":4},"b":3,"😀":2,"\ufb33":1}');
  });

  test("a getter may use the runtime while its object is encoded", () => {
    const runtime = new Runtime({ deterministic: true });
    const seen = [];
    runtime.registerSubscriber("s", (event) => seen.push(event));
    const data = {
      before: 1,
      get nested() {
        runtime.event("from a getter", { data: { list: [1, "x".repeat(5000)] } });
        return 2;
      },
      after: "y".repeat(100),
    };
    runtime.event("outer", { data });
    assert.deepEqual(seen.map((event) => event.name).sort(), ["from a getter", "outer"]);
    const outer = seen.find((event) => event.name === "outer");
    assert.deepEqual(outer.data, { before: 1, nested: 2, after: "y".repeat(100) });
  });

  test("a payload is walked once for all who listen, and not at all for nobody", async () => {
    const runtime = new Runtime();
    let count = 0;
    const data = {
      get member() {
        count += 1;
        return count;
      },
    };
    const work = async () => {
      count = 0;
      runtime.event("m", { data });
      assert.equal(await runtime.toolCallExecute("t", data, () => data), data);
      return count;
    };
    assert.equal(await work(), 0);
    runtime.registerSubscriber("blind", () => {});
    const lines = [];
    const exporters = [1, 2].map((each) => {
      const made = new AtofExporter({ output: (line) => lines.push(line) }, runtime);
      made.register(`lines ${each}`);
      return made;
    });
    const seen = [];
    for (const name of ["a", "b"]) {
      runtime.registerSubscriber(name, (event) => seen.push(event.data, event.data));
    }
    assert.equal(await work(), 3);
    const shown = seen.map(({ member }) => member);
    assert.deepEqual(shown, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
    const written = lines.map((line) => JSON.parse(line).data.member);
    assert.deepEqual(written, [1, 1, 2, 2, 3, 3]);
    for (const exporter of exporters) exporter.shutdown();
  });

  test("what a subscriber looks at later is what was emitted", async () => {
    const { runtime, events } = listen({ canonical: true, payloadBudgetBytes: 300 });
    const bytes = new Uint8Array([1, 2, 3]);
    const data = { "😀 ": ["ž", 2n ** 70n, -0, 1.5], set: new Set(["b", "a"]), bytes, gone: "x" };
    const request = { headers: { Authorization: "secret", "x-id": "7" }, content: data };
    runtime.event("😀", { data });
    await runtime.toolCallExecute("t", data, () => data);
    await runtime.llmCallExecute("openai", request, () => "y".repeat(1000));
    data["😀 "].push("later");
    data.set.clear();
    bytes.fill(9);
    delete data.gone;
    request.headers["x-id"] = "8";
    runtime.close();
    const was = {
      ...{ bytes: { $bytes: "AQID" }, gone: "x", set: ["a", "b"] },
      "😀 ": ["ž", { $integer: String(2n ** 70n) }, 0, 1.5],
    };
    assert.deepEqual(events[0].data, was);
    assert.deepEqual(events[1].data, was);
    assert.deepEqual(events[2].data, was);
    assert.deepEqual(events[3].data, { headers: { "x-id": "7" }, content: was });
    assert.match(events[4].json, /"data":"y{200,}","\$truncated":300|"data":"y+\u2026?/u);
    for (const { json } of events) assert.doesNotMatch(json, /secret|later/);
  });

  test("data at which nobody looks becomes no text, whatever else is read", async () => {
    const { runtime, events } = listen();
    const { core } = engine;
    const { payloadText } = core;
    let count = 0;
    core.payloadText = (...given) => {
      count += 1;
      return payloadText.apply(core, given);
    };
    try {
      await runtime.toolCallExecute("t", { q: "ž" }, () => [1]);
      const [start, end] = events;
      assert.equal(start.name, "t");
      assert.equal(end.metadata["otel.status_code"], "OK");
      assert.equal(start.uuid, end.uuid);
      assert.equal(count, 0);
      const { data } = start;
      assert.deepEqual(data, { q: "ž" });
      assert.equal(start.data, data);
      assert.equal(start.toJSON().data, data);
      assert.deepEqual(JSON.parse(start.json), start.toJSON());
      assert.deepEqual(Object.keys(start.toJSON()), Object.keys(JSON.parse(start.json)));
      assert.equal(count, 1);
      assert.deepEqual(JSON.parse(end.json), end.toJSON());
      assert.equal(count, 2);
    } finally {
      core.payloadText = payloadText;
    }
  });

  test("credentials cannot be seen on an event at which nobody has looked", async () => {
    const { runtime, events } = listen();
    const request = { headers: { authorization: "secret" }, content: { model: "m" } };
    await runtime.llmCallExecute("openai", request, () => 1);
    const plain = { showHidden: true, customInspect: false, depth: 9 };
    assert.doesNotMatch(inspect(events, plain), /secret/);
    const shown = inspect(events[0], { depth: 9 });
    assert.match(shown, /^Event \{[^]*name: 'openai'[^]*model: 'm'/);
    assert.doesNotMatch(shown, /secret/);
    assert.doesNotMatch(JSON.stringify(events), /secret/);
    assert.doesNotMatch(JSON.stringify(Object.values(events[0])), /secret/);
  });

  test("a payload that is too deep for the stack is no error", () => {
    let value = 1;
    const toJSON = () => JSON.stringify(nested(100_000));
    assert.match(encoded({ toJSON }), /unserializable/);
    for (let i = 0; i < 100_000; i++) value = { value };
    assert.match(encoded(value), /\$depth/);
  });

  test("large texts and many keys come through whole", () => {
    const value = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key${i}`, `ž${i}`]));
    assert.deepEqual(JSON.parse(encoded(value)), value);
    const text = "😀".repeat(100_000);
    assert.equal(JSON.parse(encoded(text)), text);
  });
});
