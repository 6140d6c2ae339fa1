// Memory that grows while the package looks at it: with the WebAssembly core all views of it are
// dead afterwards. The native core has no such memory; what comes of the calls is the same.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { core, OpenAIChatCodec, ScopeType } from "scopeflow";
import { engine, listen } from "./helpers.mjs";

let growths = 0;

/** Grows the memory by a page, as any allocation within the core may. */
function grow() {
  growths += 1;
  const memory = engine.core.exports?.memory;
  if (core.kind !== "wasm") return;
  const view = new Uint8Array(memory.buffer);
  memory.grow(1);
  assert.equal(view.length, 0);
}

const TEXT = "ž".repeat(3000);
const request = () => ({ headers: {}, content: { model: "m", messages: [], text: TEXT } });
/** A payload that grows the memory as it is walked, before and after a text. */
const growing = (value) => ({
  get first() {
    grow();
    return TEXT;
  },
  second: value,
  get third() {
    grow();
    return [value];
  },
});
const grown = (value) => ({ first: TEXT, second: value, third: [value] });

describe("memory that grows", () => {
  test("while a payload is encoded", () => {
    const { runtime, events } = listen();
    for (let i = 0; i < 20; i++) {
      const scope = runtime.pushScope(`scope ${i}`, ScopeType.Agent, {
        input: growing(i),
        metadata: growing("m"),
      });
      runtime.event("mark", { data: growing(i), dataSchema: growing(0), categoryProfile: {} });
      scope.pop({ output: growing(i), metadata: { end: growing(i) } });
    }
    assert.equal(events.length, 60);
    for (const [i, { name, data, metadata }] of events.entries()) {
      const count = Math.floor(i / 3);
      assert.deepEqual(data, grown(count));
      if (name === "mark") continue;
      assert.equal(name, `scope ${count}`);
      assert.equal(metadata.first, TEXT);
      if (i % 3 === 2) assert.deepEqual(metadata.end, grown(count));
    }
  });

  test("at every step of a call", async () => {
    const { runtime, events } = listen();
    const asked = [];
    const also = (title, answer) => (...given) => {
      asked.push(title);
      grow();
      return answer(...given);
    }; // prettier-ignore
    const first = (given) => given;
    const second = (_, given) => given;
    runtime.registerToolConditionalExecutionGuardrail("x", 0, also("guard", () => null));
    runtime.registerToolRequestIntercept("x", 0, false, also("intercept", second));
    runtime.registerToolExecutionIntercept("x", 0, also("execution", (given, next) => next(given)));
    runtime.registerToolSanitizeRequestGuardrail("x", 0, also("request", second));
    runtime.registerToolSanitizeResponseGuardrail("x", 0, also("response", second));
    runtime.registerScopeSanitizeStartGuardrail("x", 0, also("start", second));
    runtime.registerScopeSanitizeEndGuardrail("x", 0, also("end", second));
    runtime.registerEventMetadataInjector("x", 0, also("injector", () => ({ injected: TEXT })));
    runtime.registerSubscriber("x", also("subscriber", first));
    const target = also("target", (given) => ({ given, answer: growing(1) }));
    const scope = runtime.pushScope("outer", ScopeType.Agent);
    const result = await runtime.toolCallExecute("tool", { q: TEXT }, target, { toolCallId: TEXT });
    assert.equal(result.given.q, TEXT);
    assert.equal(runtime.toolCallExecuteSync("tool", { q: TEXT }, target).given.q, TEXT);
    scope.pop();
    const [, start, end] = events;
    assert.deepEqual(start.data, { q: TEXT });
    assert.equal(start.category_profile.tool_call_id, TEXT);
    assert.equal(start.metadata.injected, TEXT);
    assert.deepEqual(end.data, { given: { q: TEXT }, answer: grown(1) });
    assert.equal(new Set(asked).size, 10);
  });

  test("at every step of a stream, in codecs and in what failed", async () => {
    const { runtime, events } = listen();
    class Growing extends OpenAIChatCodec {
      decode(given) {
        grow();
        return super.decode(given);
      }

      encode(...given) {
        grow();
        return super.encode(...given);
      }
    }
    runtime.registerLlmRequestIntercept("x", 0, false, ({ request, annotated }) => {
      grow();
      return { request, annotated: { ...annotated, model: TEXT } };
    });
    async function* chunks({ content }) {
      for (const word of [content.model, "b"]) {
        grow();
        yield { word };
      }
      throw new RangeError(TEXT);
    }
    const seen = [];
    const stream = await runtime.llmStreamCallExecute("gpt", request(), chunks, {
      codec: new Growing(runtime),
      collector: ({ word }) => (grow(), seen.push(word)),
      finalizer: () => growing(seen.length),
      chunkMarks: true,
    });
    await assert.rejects(async () => {
      for await (const { word } of stream) assert.equal(word, seen.at(-1));
    }, { name: "RangeError", message: TEXT }); // prettier-ignore
    assert.deepEqual(seen, [TEXT, "b"]);
    const end = events.at(-1);
    assert.equal(end.metadata["otel.status_description"], TEXT);
    assert.deepEqual(events[0].annotated_request.model, TEXT);
    assert.equal(runtime.readStats().scopeEventCount, 2);
  });

  test("by what the package itself puts there", () => {
    const { runtime, events } = listen();
    const before = engine.core.exports?.memory.buffer.byteLength;
    const text = "x".repeat(500_000);
    for (let i = 0; i < 40; i++) {
      // Each holds its metadata, so that no memory comes back.
      runtime.pushScope(`s${i}`, ScopeType.Agent, { metadata: { i }, input: { i, text } });
    }
    for (const [i, { name, data }] of events.entries()) {
      assert.equal(name, `s${i}`);
      assert.equal(data.i, i);
      assert.equal(data.text, text);
    }
    runtime.close();
    assert.equal(events.length, 80);
    if (before !== undefined) assert(engine.core.exports.memory.buffer.byteLength >= before);
  });

  test("was tried", () => {
    assert(growths > 100, String(growths));
  });
});
