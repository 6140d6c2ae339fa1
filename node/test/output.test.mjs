// The exporter with a callback or a stream in place of a file.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AtofExporter, InvalidArgument, InvalidState, Runtime, ScopeType } from "scopeflow";

function open(config, options = {}) {
  const runtime = new Runtime({ deterministic: true, log: () => {}, ...options });
  const lines = [];
  runtime.registerSubscriber("lines", (event) => lines.push(event.json));
  const exporter = new AtofExporter(config, runtime);
  exporter.register("output");
  return { runtime, exporter, lines };
}

/** A stream that takes a chunk when `step` is called, or at once after `release`. */
function slowStream(options) {
  const chunks = [];
  const waiting = [];
  let isFree = false;
  let isClosed = false;
  const stream = new WritableStream(
    {
      write: async (chunk) => {
        if (!isFree) await new Promise((resolve) => waiting.push(resolve));
        chunks.push(chunk);
      },
      close: () => void (isClosed = true),
    },
    options,
  );
  const step = async () => {
    while (waiting.length === 0) await new Promise(setImmediate);
    waiting.shift()();
  };
  const release = () => {
    isFree = true;
    for (const resolve of waiting) resolve();
  };
  return { stream, chunks, step, release, isClosed: () => isClosed };
}

const linesOf = (text) => text.trimEnd().split("\n");
const namesOf = (text) => linesOf(text).map((line) => JSON.parse(line).name);

function refused(message, Type = InvalidState) {
  return (error) => {
    assert(error instanceof Type, String(error));
    assert.match(error.message, message);
    return true;
  };
}

describe("the exporter with a callback", () => {
  test("gives each line before the operation returns", async () => {
    const got = [];
    const { runtime, exporter, lines } = open({ output: (line) => got.push(line) && undefined });
    assert.equal(exporter.path, "");
    await runtime.withScope("s", ScopeType.Agent, () =>
      runtime.toolCallExecute("t", { q: "ž" }, () => {
        assert.equal(got.length, 2);
        return 1;
      }),
    );
    assert.deepEqual(got, lines);
    assert.equal(got.length, 4);
    exporter.forceFlush();
    await exporter.flush();
    exporter.shutdown();
    await exporter.close();
    runtime.event("after");
    assert.equal(got.length, 4);
    assert.equal(exporter.readStats().writtenEventCount, 4);
  });

  test("that throws fails no operation, and is told by the flush, once", () => {
    const mine = new Error("mine");
    const logged = [];
    const { runtime, exporter } = open(
      { output: (line) => { if (line.includes("bad")) throw mine; } },
      { log: (...entry) => logged.push(entry) },
    ); // prettier-ignore
    for (const name of ["good", "bad 1", "bad 2", "good"]) runtime.event(name);
    assert.throws(() => exporter.forceFlush(), (error) => {
      assert.equal(error.cause, mine);
      return refused(/^an event was not written to the callback: mine$/)(error);
    }); // prettier-ignore
    exporter.forceFlush();
    assert.equal(logged.length, 1);
    const { writtenEventCount, lostEventCount } = exporter.readStats();
    assert.deepEqual([writtenEventCount, lostEventCount], [2, 2]);
    exporter.shutdown();
  });

  test("that gives a promise is refused: nobody would wait for it", () => {
    const asynchronous = { output: async () => {} };
    assert.throws(() => open(asynchronous), refused(/^output must be a func/, InvalidArgument));
    const { runtime, exporter } = open({ output: () => Promise.reject(new Error("unheard")) });
    runtime.event("m");
    assert.throws(() => exporter.shutdown(), refused(/returned a promise; give a WritableStream/));
  });
});

describe("the exporter with a stream", () => {
  test("writes whole lines, and closes the stream when all are written", async () => {
    const { stream, chunks, isClosed, release } = slowStream();
    release();
    const { runtime, exporter, lines } = open({ output: stream });
    for (let i = 0; i < 10; i++) runtime.event("ž");
    await exporter.flush();
    assert.equal(chunks.join(""), lines.map((line) => `${line}\n`).join(""));
    runtime.event("last");
    await exporter.close();
    await exporter.close();
    assert.equal(isClosed(), true);
    assert.equal(chunks.join(""), lines.map((line) => `${line}\n`).join(""));
    assert.equal(lines.length, 11);
    const { writtenEventCount, writtenBytes, queuedEventCount } = exporter.readStats();
    assert.deepEqual([writtenEventCount, queuedEventCount], [11, 0]);
    assert.equal(writtenBytes, Buffer.byteLength(chunks.join("")));
  });

  test("waits for a slow stream, and writes together what has come meanwhile", async () => {
    const { stream, chunks, step } = slowStream({ highWaterMark: 1 });
    const { runtime, exporter } = open({ output: stream });
    runtime.event("a");
    await step();
    runtime.event("b");
    await new Promise(setImmediate);
    runtime.event("c");
    runtime.event("d");
    let isFlushed = false;
    const flushed = exporter.flush().then(() => (isFlushed = true));
    await step();
    assert.equal(isFlushed, false);
    await step();
    await flushed;
    assert.deepEqual(chunks.map(namesOf), [["a"], ["b"], ["c", "d"]]);
  });

  test("drops and counts what finds no room, and tells of it in the stream", async () => {
    const { stream, chunks, release } = slowStream();
    const { runtime, exporter } = open({ output: stream, queueLimitBytes: 4096 });
    for (let i = 0; i < 100; i++) runtime.event(`m${i}`);
    const { droppedEventCount, queuedEventCount } = exporter.readStats();
    assert.equal(droppedEventCount + queuedEventCount, 100);
    assert(droppedEventCount > 80, `${droppedEventCount} dropped`);
    release();
    await exporter.flush();
    const written = linesOf(chunks.join("")).map((line) => JSON.parse(line));
    const mark = written.at(-1);
    assert.equal(mark.name, "events dropped");
    assert.deepEqual(mark.data, { dropped: droppedEventCount });
    assert.equal(mark.parent_uuid, written[0].parent_uuid);
    assert.notEqual(mark.timestamp.slice(0, 4), written[0].timestamp.slice(0, 4));
    assert.deepEqual([mark.metadata, mark.category, mark.category_profile], [null, null, null]);
    runtime.event("later");
    await exporter.close();
    assert.deepEqual(namesOf(chunks.at(-1)), ["later"]);
    assert.equal(exporter.readStats().droppedEventCount, droppedEventCount);
  });

  test("tells the error of the stream, and fails no operation", async () => {
    const mine = new Error("mine");
    const stream = new WritableStream({
      write(chunk) {
        if (chunk.includes("bad")) throw mine;
      },
    });
    const { runtime, exporter } = open({ output: stream });
    runtime.event("good");
    await exporter.flush();
    runtime.event("bad");
    const isMine = (error) => {
      assert.equal(error.cause, mine);
      return refused(/^an event was not written to the stream: mine$/)(error);
    };
    await assert.rejects(exporter.flush(), isMine);
    runtime.event("after");
    await assert.rejects(exporter.close(), isMine);
    const { writtenEventCount, lostEventCount, queuedEventCount } = exporter.readStats();
    assert.deepEqual([writtenEventCount, lostEventCount, queuedEventCount], [1, 2, 0]);
  });

  test("an error while the stream is closed is told", async () => {
    const stream = new WritableStream({ close: () => Promise.reject(new Error("not closed")) });
    const { runtime, exporter } = open({ output: stream });
    runtime.event("m");
    await assert.rejects(exporter.close(), refused(/not closed/));
  });

  test("goes through other streams to bytes", async () => {
    const { writable, readable } = new TextEncoderStream();
    const { runtime, exporter, lines } = open({ output: writable });
    const text = new Response(readable).text();
    runtime.event("ž");
    await exporter[Symbol.asyncDispose]();
    assert.equal(await text, `${lines[0]}\n`);
  });

  test("cannot be waited for without await", async () => {
    const { runtime, exporter } = open({ output: new WritableStream() });
    runtime.event("m");
    assert.throws(() => exporter.forceFlush(), refused(/await flush\(\) or close\(\)/));
    assert.throws(() => exporter.shutdown(), refused(/await flush\(\) or close\(\)/));
    await exporter.close();
  });

  test("that somebody else writes to, or that is none, is refused", () => {
    const stream = new WritableStream();
    stream.getWriter();
    assert.throws(() => open({ output: stream }), refused(/^output cannot be/, InvalidArgument));
    for (const output of [null, 1, {}]) {
      assert.throws(() => open({ output }), refused(/^output must be a fu/, InvalidArgument));
    }
    const both = { output: () => {}, filename: "e" };
    assert.throws(() => open(both), refused(/^filename is for files and/, InvalidArgument));
    const blocking = { output: () => {}, overflow: "block" };
    assert.throws(() => open(blocking), refused(/^overflow must be "drop"/, InvalidArgument));
  });
});
