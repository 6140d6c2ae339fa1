// The codecs' view of what providers say beside that of the providers' own SDKs, which are driven
// against a loopback server that replays the exchanges of tests/codecs, plain and streamed.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AutoCodec, LlmRequest, SseDecoder } from "scopeflow";
import { codecNamed, readCodecCases, streamingCodecNamed } from "./codec-cases.mjs";
import { listen } from "./helpers.mjs";
import { counted, sdks } from "./provider-sdks.mjs";
import { startReplayServer } from "./replay-server.mjs";

let server;
before(async () => {
  server = await startReplayServer();
});
after(() => server.close());

/** Without nulls, at any depth: an SDK may say nothing where the provider says null. */
function withoutNull(value) {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (typeof value !== "object" || value === null) return value;
  const there = Object.entries(value).filter(([, one]) => one !== null && one !== undefined);
  return Object.fromEntries(there.map(([key, one]) => [key, withoutNull(one)]));
}

/** What a response is in the SDK's words: Google's has another name for a member. */
function asSpoken({ response }) {
  const spoken = withoutNull(response);
  for (const { citationMetadata: cited } of spoken.candidates ?? []) {
    if (cited === undefined) continue;
    cited.citations = cited.citationSources;
    delete cited.citationSources;
  }
  return spoken;
}

const SAID = ["id", "model", "message", "tool_calls", "finish_reason", "usage", "token_usage"];

/** The members of the common form that all providers fill. */
function common(annotated) {
  const all = withoutNull(annotated);
  const members = Object.fromEntries(
    SAID.filter((key) => key in all).map((key) => [key, all[key]]),
  );
  if (members.token_usage !== undefined) {
    const { raw, ...buckets } = members.token_usage;
    assert.notEqual(raw, undefined);
    members.token_usage = counted(buckets);
  }
  return members;
}

for (const Sdk of sdks) {
  const name = new Sdk("http://127.0.0.1:1").provider;
  const streaming = readCodecCases(`exchanges/${name}`).filter(({ chunks }) => chunks);

  describe(`${name} and its SDK`, () => {
    for (const exchange of readCodecCases(`exchanges/${name}`)) {
      test(`${exchange.id}: request and response`, async () => {
        const sdk = new Sdk(server.url);
        const codec = codecNamed(name);
        server.play(name, exchange);
        const response = await sdk.create(exchange.request);
        const expected = sdk.annotated(response);
        assert(expected.model !== undefined || name === "gemini_generate_content");
        assert.deepEqual(withoutNull(sdk.spoken(response)), asSpoken(exchange));
        assert.deepEqual(common(codec.decodeResponse(response)), expected);
        assert.deepEqual(common(codec.decodeResponse(exchange.response)), expected);

        const [sent] = server.asked;
        assert.equal(server.asked.length, 1);
        assert.deepEqual(sdk.body(sent), exchange.request);
        const request = new LlmRequest({}, sent);
        const annotated = codec.decode(request);
        assert.deepEqual(new AutoCodec().decode(request), annotated);
        assert.equal(codec.encode(annotated, request), request);
        assert.equal(annotated.model, sent.model);
        const given = sent.messages ?? sent.input ?? sent.contents;
        assert.equal(annotated.messages.length, typeof given === "string" ? 1 : given.length);
      });
    }

    for (const exchange of streaming) {
      test(`${exchange.id}: a stream comes to what the SDK puts together`, async () => {
        const sdk = new Sdk(server.url);
        server.play(name, exchange);
        const codec = streamingCodecNamed(name);
        const collect = codec.collector();
        for await (const chunk of await sdk.stream(exchange.request)) collect(chunk);
        const response = codec.finalizer()();
        assert.deepEqual(withoutNull(sdk.spoken(response)), asSpoken(exchange));
        const expected = sdk.annotated(await sdk.aggregated(exchange.request));
        assert.deepEqual(common(codecNamed(name).decodeResponse(response)), expected);
      });

      test(`${exchange.id}: managed calls are annotated alike, plain and streamed`, async () => {
        const sdk = new Sdk(server.url);
        server.play(name, exchange);
        const { runtime, events } = listen();
        const request = new LlmRequest({}, exchange.request);
        const plain = (given) => sdk.create(given.content);
        const auto = { codec: "auto", responseCodec: "auto" };
        const response = await runtime.llmCallExecute("plain", request, plain, auto);
        const codec = streamingCodecNamed(name);
        const chunks = await runtime.llmStreamCallExecute(
          "streamed",
          request,
          async function* (given) {
            yield* await sdk.stream(given.content);
          },
          {
            collector: codec.collector(),
            finalizer: codec.finalizer(),
            codec: name,
            responseCodec: name,
          },
        );
        let count = 0;
        for await (const _ of chunks) count += 1;
        assert.equal(count, exchange.chunks.filter(({ type }) => type !== "ping").length);
        const ends = events.filter((event) => event.scope_category === "end");
        assert.deepEqual(
          ends.map((event) => event.name),
          ["plain", "streamed"],
        );
        for (const end of ends) {
          assert.deepEqual(common(end.annotated_response), sdk.annotated(response));
        }
        const [start] = events;
        assert.deepEqual(start.annotated_request, codecNamed(name).decode(request));
      });

      test(`${exchange.id}: the events of its bytes are its chunks`, async () => {
        server.play(name, exchange);
        const response = await fetch(server.url, {
          method: "POST",
          body: JSON.stringify({ stream: true }),
        });
        const seen = [];
        for await (const event of new SseDecoder().decode(response.body)) {
          assert.equal(event.isBad, false);
          if (event.data !== "[DONE]") seen.push(JSON.parse(event.data));
        }
        assert.deepEqual(seen, exchange.chunks);
      });
    }
  });
}
