// The decoder of server-sent events, by the rules of WHATWG's HTML, from bytes cut anywhere.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { InvalidArgument, InvalidState, SseDecoder } from "scopeflow";

/** All events of a text that is fed in pieces of a size. */
function read(text, size = Infinity, options = {}) {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const decoder = new SseDecoder(options);
  const events = [];
  for (let at = 0; at < bytes.length; at += size) {
    events.push(...decoder.feed(bytes.subarray(at, Math.min(at + size, bytes.length))));
  }
  return [...events, ...decoder.finish()];
}

const said = (events) => events.map(({ event, data }) => [event, data]);

const withoutPlace = ({ offsetBytes: _offset, sizeBytes: _size, ...rest }) => rest;

const TEXT =
  "\uFEFF: a comment\r\nid: 7\rretry: 1500\nevent: ž\ndata: Zoë 🚀\ndata:  two\n\n" +
  "data\r\r\ndata: third\r\n\r\nid\nfield: nobody knows\ndata:x\n\ndata: never ended\n";

describe("the decoder of server-sent events", () => {
  test("finds the same wherever the bytes are cut", () => {
    const whole = read(TEXT);
    assert.deepEqual(said(whole), [
      ["ž", "Zoë 🚀\n two"],
      ["message", ""],
      ["message", "third"],
      ["message", "x"],
    ]);
    assert.deepEqual(
      whole.map(({ lastEventId }) => lastEventId),
      ["7", "7", "7", ""],
    );
    assert.deepEqual(
      whole.map(({ retryMs }) => retryMs),
      [1500, 1500, 1500, 1500],
    );
    for (let size = 1; size < 24; size++) {
      const cut = read(TEXT, size);
      assert.deepEqual(cut.map(withoutPlace), whole.map(withoutPlace));
      // Every byte up to the last event's end is of one of them.
      let end = 0;
      for (const { offsetBytes, sizeBytes } of cut) {
        assert.equal(offsetBytes, end);
        end = offsetBytes + sizeBytes;
      }
    }
  });

  test("says which bytes an event is of", () => {
    const text = "data: ä\n\n: comment\ndata: b\r\n\r\n";
    const bytes = new TextEncoder().encode(text);
    const [first, second] = read(bytes);
    const of = ({ offsetBytes, sizeBytes }) =>
      new TextDecoder().decode(bytes.subarray(offsetBytes, offsetBytes + sizeBytes));
    assert.equal(of(first), "data: ä\n\n");
    assert.match(of(second), /^(: comment\n)?data: b\r\n\r\n$/);
    assert.equal(first.retryMs, undefined);
  });

  test("ill-formed UTF-8 is U+FFFD", () => {
    const bytes = Uint8Array.of(...Buffer.from("data: a"), 0xff, 0xc3, ...Buffer.from("b\n\n"));
    for (const size of [1, 2, 100]) {
      assert.deepEqual(said(read(bytes, size)), [["message", "a\uFFFD\uFFFDb"]]);
    }
  });

  test("takes texts, and streams of either", async () => {
    const events = [];
    for await (const event of new SseDecoder().decode([
      "data: a\n",
      Buffer.from("\ndata: b\n\n"),
    ])) {
      events.push(event);
    }
    assert.deepEqual(said(events), [
      ["message", "a"],
      ["message", "b"],
    ]);
    const stream = new Response("data: c\n\n").body;
    const seen = [];
    for await (const { data } of new SseDecoder().decode(stream)) seen.push(data);
    assert.deepEqual(seen, ["c"]);
  });

  test("a line beyond the limit is a bad event, and the next one is read", () => {
    const text = `data: ${"x".repeat(5000)}\n\ndata: after\n\n`;
    for (const size of [1, 64, 100_000]) {
      const [bad, after] = read(text, size, { lineLimitBytes: 64 });
      assert.equal(bad.isBad, true);
      assert.equal(bad.data, "");
      assert.equal(after.isBad, false);
      assert.equal(after.data, "after");
    }
    // A line that never ends is not kept.
    const decoder = new SseDecoder({ lineLimitBytes: 64 });
    for (let i = 0; i < 100; i++) assert.deepEqual(decoder.feed("x".repeat(100_000)), []);
  });

  test("refuses bad arguments, and bytes behind the end", () => {
    for (const lineLimitBytes of [63, 2 ** 30 + 1, -1, "x", 64.5]) {
      assert.throws(() => new SseDecoder({ lineLimitBytes }), InvalidArgument);
    }
    const decoder = new SseDecoder();
    for (const chunk of [7, null, undefined, {}, [1]]) {
      assert.throws(() => decoder.feed(chunk), InvalidArgument);
    }
    assert.deepEqual(decoder.feed("data: a\n"), []);
    assert.deepEqual(decoder.finish(), []);
    assert.deepEqual(decoder.finish(), []);
    assert.throws(() => decoder.feed("x"), InvalidState);
  });
});
