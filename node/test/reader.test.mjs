// The reader of event files opens none, so both cores have it (S2.9).
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { InvalidArgument, InvalidState, Runtime, ScopeType } from "scopeflow";
import { engine, listen } from "./helpers.mjs";

const require = createRequire(import.meta.url);
const { AtofReaderOperations, atofReaderNew, enums } = require("../dist/cjs/node.js");
const { AtofItemKind, EventKind, ScopeCategory } = enums;

/** Gives a new reader to a function, and back afterwards. */
function withReader(options, use) {
  const runtime = new Runtime();
  const reader = new AtofReaderOperations(engine, atofReaderNew(engine, { runtime, ...options }));
  try {
    return use(reader);
  } finally {
    engine.core.atofReaderFree(reader.detach());
  }
}

/** All items of a text that is fed in pieces of a size. */
function read(text, size, options = {}) {
  const bytes = new TextEncoder().encode(text);
  const items = [];
  const drain = (reader, last) => {
    for (let item = reader.next(); item.item !== last; item = reader.next()) items.push(item);
  };
  withReader(options, (reader) => {
    for (let at = 0; at < bytes.length; at += size) {
      reader.feed(bytes.subarray(at, at + size));
      drain(reader, AtofItemKind.More);
    }
    reader.finish();
    drain(reader, AtofItemKind.End);
  });
  return items;
}

describe("the reader of event files", () => {
  test("reads what the runtime writes", async () => {
    const { runtime, events } = listen();
    await runtime.withScope("ž\n", ScopeType.Agent, () =>
      runtime.toolCallExecute("t", { q: "x".repeat(100_000) }, () => ["ä\n", null]),
    );
    const text = events.map((event) => `${event.json}\n`).join("");
    for (const size of [text.length * 2, 4096]) {
      const items = read(text, size);
      assert.equal(items.length, events.length);
      for (const [i, item] of items.entries()) {
        assert.equal(item.item, AtofItemKind.Event);
        assert.equal(item.kind, EventKind.Scope);
        const { Start, End } = ScopeCategory;
        assert.equal(item.scopeCategory, events[i].scope_category === "start" ? Start : End);
        assert.equal(item.uuid, events[i].uuid);
        assert.equal(item.parentUuid, events[i].parent_uuid);
        assert.equal(item.name, events[i].name);
        assert.equal(item.line, events[i].json);
        assert.deepEqual(JSON.parse(item.data), events[i].data);
      }
    }
  });

  test("tells a bad line and goes on", () => {
    const mark = '{"kind":"mark","uuid":"01900000-0000-7000-8000-00000000000A","timestamp":-1';
    const items = read(`${mark},"name":1}\n\n${mark},"name":"m"}`, 5);
    assert.deepEqual(
      items.map((item) => [item.item, item.lineNumber, item.message]),
      [
        [AtofItemKind.BadLine, 1, "invalid argument: line 1, offset 83: name is no text"],
        [AtofItemKind.Event, 3, ""],
      ],
    );
    assert.equal(items[1].timestampNs, -1000n);
    assert.equal(items[1].hasParent, false);
  });

  test("keeps its limits and its order", () => {
    assert.match(read("x".repeat(100), 7, { lineLimitBytes: 64 })[0].message, /is longer than/);
    assert.throws(() => read("", 1, { depthLimit: 0 }), InvalidArgument);
    withReader({}, (reader) => {
      reader.feed(new Uint8Array([10]));
      assert.throws(() => reader.feed(new Uint8Array([10])), InvalidState);
    });
  });
});
