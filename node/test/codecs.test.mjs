// The codecs of providers: the vectors of tests/codecs, and what calls do with codecs (S2.8, S4.11,
// ADR 0023).
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  AutoCodec,
  AutoStreamingCodec,
  defaultRuntime,
  GeminiGenerateContentCodec,
  InvalidArgument,
  InvalidState,
  LlmRequest,
  OpenAIChatCodec,
  OpenAIChatStreamingCodec,
  Runtime,
  usePrices,
} from "scopeflow";
import {
  changed,
  codecNamed,
  gathered,
  readCodecCases,
  streamingCodecNamed,
} from "./codec-cases.mjs";
import { countRefs, engine, listen } from "./helpers.mjs";

const requests = readCodecCases("requests");
const responses = readCodecCases("responses");
const streams = readCodecCases("streams");
const prices = readCodecCases("prices");

const CHAT = { messages: [{ role: "user", content: "hi" }], model: "gpt-4o", stream: true };
const SAID = {
  model: "gpt-4o",
  choices: [{ message: { content: "Hello!" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 7, completion_tokens: 4, total_tokens: 11 },
};

/** Equal as they are written, so that the order of members counts. */
function assertWritten(given, expected) {
  assert.equal(JSON.stringify(given), JSON.stringify(expected));
}

/** How often a function of the core is called while something runs. */
async function counted(name, run) {
  const { core } = engine;
  const real = core[name];
  const isOwn = Object.hasOwn(core, name);
  let count = 0;
  core[name] = (...given) => {
    count += 1;
    return real.apply(core, given);
  };
  try {
    await run();
  } finally {
    if (isOwn) core[name] = real;
    else delete core[name];
  }
  return count;
}

describe("the vectors of the codecs", () => {
  for (const { id, codec: name, content, annotated, edits } of requests) {
    test(`request ${id}`, () => {
      const codec = codecNamed(name);
      const original = { headers: { a: "b" }, content: structuredClone(content) };
      const decoded = codec.decode(original);
      assertWritten(decoded, annotated);
      assert.equal(codec.encode(decoded, original), original);
      assert.notEqual(new AutoCodec().decode(original), null);
      for (const edit of edits) {
        const encode = () => codec.encode(changed(annotated, edit.set), original);
        if (edit.path === undefined) {
          const encoded = encode();
          assertWritten(encoded.content, edit.content);
          assert.equal(encoded.headers, original.headers);
        } else {
          assert.throws(encode, (error) => {
            assert(error instanceof InvalidArgument);
            assert.match(error.message, /cannot carry the edit of /);
            return error.message.endsWith(` ${edit.path}`);
          });
        }
      }
      assertWritten(original.content, content);
    });
  }

  for (const { id, codec, response, annotated } of responses) {
    test(`response ${id}`, () => {
      assert.deepEqual(codecNamed(codec).decodeResponse(response), annotated);
    });
  }

  for (const { id, codec: name, chunks, response } of streams) {
    test(`stream ${id}`, () => {
      for (const codec of [streamingCodecNamed(name), new AutoStreamingCodec()]) {
        const given = structuredClone(chunks);
        assert.deepEqual(gathered(codec, given), response);
        assert.deepEqual(given, chunks);
      }
      for (let count = 0; count < chunks.length; count++) {
        const made = gathered(streamingCodecNamed(name), chunks.slice(0, count));
        const hasSome = Object.keys(made).some((key) => key !== "id") && !("object" in made);
        if (hasSome) codecNamed(name).decodeResponse(made);
      }
    });
  }

  for (const { codec, response, cost } of prices.costs) {
    test(`price ${JSON.stringify(response).slice(0, 90)}`, () => {
      const runtime = new Runtime();
      runtime.usePrices(...prices.catalogues);
      const of = codecNamed(codec).constructor;
      const decoded = new of(runtime).decodeResponse(response);
      assert.deepEqual(decoded.usage?.cost ?? null, cost);
      runtime.usePrices();
      const without = new of(runtime).decodeResponse(response).usage?.cost;
      assert(without === undefined || without.source === "provider_reported");
    });
  }

  test("catalogues that are refused leave the prices as they were", () => {
    const runtime = new Runtime();
    const { codec, response, cost } = prices.costs.find((case_) => case_.cost !== null);
    const of = codecNamed(codec).constructor;
    runtime.usePrices(...prices.catalogues);
    for (const { catalogues, message } of prices.refused) {
      const isMany = Array.isArray(catalogues);
      const wanted = isMany ? message : message.replace("prices", "prices[0]");
      assert.throws(
        () => runtime.usePrices(...(isMany ? catalogues : [catalogues])),
        (error) => error instanceof InvalidArgument && error.message.includes(wanted),
        wanted,
      );
    }
    assert.deepEqual(new of(runtime).decodeResponse(response).usage.cost, cost);
  });
});

describe("edits", () => {
  test("leave what was not edited the very object that it was", () => {
    const codec = new OpenAIChatCodec();
    const content = {
      messages: [
        { role: "user", content: "a", extra: { deep: [1] } },
        { role: "user", content: "b" },
      ],
      metadata: { k: [1] },
    };
    const request = new LlmRequest({}, content);
    const annotated = codec.decode(request);
    annotated.messages[1].content = "c";
    const encoded = codec.encode(annotated, request).content;
    assert.notEqual(encoded, content);
    assert.equal(encoded.messages[0], content.messages[0]);
    assert.equal(encoded.metadata, content.metadata);
    assert.equal(content.messages[1].content, "b");
    assert.deepEqual(encoded.messages[1], { role: "user", content: "c" });
  });

  test("a bigint that nobody touched stays one", () => {
    const codec = new OpenAIChatCodec();
    const seed = 2n ** 62n + 1n;
    const request = { headers: {}, content: { messages: [], seed, model: "m" } };
    const annotated = codec.decode(request);
    assert.equal(codec.encode(annotated, request).content.seed, seed);
    annotated.model = "n";
    assert.deepEqual(codec.encode(annotated, request).content, { messages: [], seed, model: "n" });
    annotated.api_specific.seed = 7;
    assert.equal(codec.encode(annotated, request).content.seed, 7);
  });

  test("a member called __proto__ is one like any other", () => {
    const codec = new OpenAIChatCodec();
    const content = JSON.parse('{"messages": [], "__proto__": {"polluted": 1}}');
    const request = { headers: {}, content };
    const annotated = codec.decode(request);
    assert.equal(codec.encode(annotated, request), request);
    annotated.model = "m";
    const encoded = codec.encode(annotated, request).content;
    assert.equal(JSON.stringify(encoded), '{"messages":[],"__proto__":{"polluted":1},"model":"m"}');
    assert.equal(Object.getPrototypeOf(encoded), Object.prototype);
    assert.equal(encoded.polluted, undefined);
  });

  test("go into what has a toJSON, a Map and an array in a Set", () => {
    const codec = new OpenAIChatCodec();
    class Message {
      #content = "a";
      toJSON() {
        return { role: "user", content: this.#content };
      }
    }
    for (const messages of [
      [new Message()],
      new Set([
        new Map([
          ["role", "user"],
          ["content", "a"],
        ]),
      ]),
    ]) {
      const request = { headers: {}, content: { messages } };
      const annotated = codec.decode(request);
      assert.deepEqual(annotated.messages, [{ role: "user", content: "a" }]);
      assert.equal(codec.encode(annotated, request), request);
      annotated.messages[0].content = "b";
      assertWritten(codec.encode(annotated, request).content, {
        messages: [{ role: "user", content: "b" }],
      });
    }
  });
});

describe("codecs in calls", () => {
  test("a codec of the core annotates, and names the model", async () => {
    const { runtime, events } = listen();
    const request = new LlmRequest({}, CHAT);
    for (const codec of ["auto", "openai_chat", new OpenAIChatCodec(), new AutoCodec()]) {
      events.length = 0;
      const answer = await runtime.llmCallExecute("openai", request, () => SAID, {
        codec,
        responseCodec: codec,
      });
      assert.equal(answer, SAID);
      const [start, end] = events;
      assert.equal(start.category_profile.model_name, "gpt-4o");
      assert.equal(start.annotated_request.messages[0].content, "hi");
      assert.equal(start.annotated_request.stream, true);
      assert.deepEqual(end.annotated_response.usage, SAID.usage);
      assert.equal(end.annotated_response.finish_reason, "complete");
    }
  });

  test("instructions stand beside the messages, not among them", async () => {
    const { runtime, events } = listen();
    const content = { model: "gpt-4.1", instructions: "Be terse.", input: "hi" };
    const request = new LlmRequest({}, content);
    await runtime.llmCallExecute("openai", request, () => 1, { codec: "openai_responses" });
    const { instructions, messages } = events[0].annotated_request;
    assert.equal(instructions, "Be terse.");
    assert.deepEqual(messages, [{ role: "user", content: "hi" }]);
  });

  test("the core decodes by itself for observers", async () => {
    const codec = new OpenAIChatCodec();
    const { runtime, events } = listen();
    const request = new LlmRequest({}, CHAT);
    const options = { codec, responseCodec: codec };
    const asked = await counted("codecDecodeRequest", async () => {
      await runtime.llmCallExecute("openai", request, () => SAID, options);
    });
    assert.equal(asked, 0);
    assert.equal(events[0].annotated_request.model, "gpt-4o");

    // One that does something else is asked, also where only the object has the method.
    codec.decode = (given) => ({ ...OpenAIChatCodec.prototype.decode.call(codec, given), mine: 1 });
    const askedNow = await counted("codecDecodeRequest", async () => {
      await runtime.llmCallExecute("openai", request, () => SAID, options);
    });
    assert.equal(askedNow, 1);
    assert.equal(events[2].annotated_request.mine, 1);
  });

  test("a derived class that decodes otherwise is asked", async () => {
    class Mine extends OpenAIChatCodec {
      decodeResponse(response) {
        return { ...super.decodeResponse(response), mine: true };
      }
    }
    const { runtime, events } = listen();
    await runtime.llmCallExecute("m", new LlmRequest({}, CHAT), () => SAID, {
      responseCodec: new Mine(),
    });
    assert.equal(events[1].annotated_response.mine, true);
  });

  for (const way of ["llmCallExecute", "llmCallExecuteSync"]) {
    test(`an intercept edits by the codec that the call names (${way})`, async () => {
      const { runtime, events } = listen();
      runtime.registerLlmRequestIntercept("kind", 1, false, ({ request, annotated }) => {
        annotated.messages.unshift({ role: "system", content: "Be kind." });
        return { request, annotated };
      });
      const content = { ...CHAT, new_in_2027: [{ a: 1 }] };
      let seen;
      const target = (request) => {
        seen = request.content;
        return SAID;
      };
      await runtime[way]("openai", new LlmRequest({}, content), target, { codec: "auto" });
      const messages = [{ role: "system", content: "Be kind." }, ...content.messages];
      assertWritten(seen, { ...content, messages });
      assert.deepEqual(events[0].annotated_request.messages, messages);
      assert.equal(content.messages.length, 1);
    });
  }

  test("an intercept gets null for a request of no known provider", async () => {
    const { runtime } = listen();
    const seen = [];
    runtime.registerLlmRequestIntercept("look", 1, false, ({ request, annotated }) => {
      seen.push(annotated);
      return { request: { ...request, content: { prompt: "ho" } } };
    });
    const request = new LlmRequest({}, { prompt: "hi" });
    const sent = await runtime.llmCallExecute("m", request, ({ content }) => content, {
      codec: "auto",
    });
    assert.deepEqual(seen, [null]);
    assert.deepEqual(sent, { prompt: "ho" });
  });

  test("an intercept edits the annotated form and the request", async () => {
    for (const codec of ["auto", "openai_chat", new OpenAIChatCodec()]) {
      const { runtime } = listen();
      runtime.registerLlmRequestIntercept("both", 1, false, ({ request, annotated }) => {
        annotated.messages.push({ role: "user", content: "Hello?" });
        return { request: { ...request, content: { ...request.content, user: "u" } }, annotated };
      });
      runtime.registerLlmRequestIntercept("later", 2, false, ({ request }) => {
        request.content.seed = 7;
        return { request };
      });
      const target = ({ content }) => content;
      const sent = await runtime.llmCallExecute("m", new LlmRequest({}, CHAT), target, { codec });
      const messages = [...CHAT.messages, { role: "user", content: "Hello?" }];
      assert.deepEqual(sent, { ...CHAT, messages, user: "u", seed: 7 });
    }
  });

  test("a derived class that encodes otherwise is asked", async () => {
    class Marking extends OpenAIChatCodec {
      encode(annotated, original) {
        const { headers, content } = super.encode(annotated, original);
        return { headers, content: { ...content, user: annotated.model } };
      }
    }
    const { runtime } = listen();
    runtime.registerLlmRequestIntercept("look", 1, false, ({ request, annotated }) => {
      return { request, annotated };
    });
    const target = ({ content }) => content;
    const options = { codec: new Marking() };
    const sent = await runtime.llmCallExecute("m", new LlmRequest({}, CHAT), target, options);
    assert.deepEqual(sent, { ...CHAT, user: CHAT.model });
  });

  test("what both have edited at one place fails the call", async () => {
    const { runtime } = listen();
    runtime.registerLlmRequestIntercept("both", 1, false, ({ request, annotated }) => {
      annotated.messages[0].content = "ho";
      return { request: { ...request, content: { ...request.content, messages: [] } }, annotated };
    });
    await assert.rejects(
      runtime.llmCallExecute("m", new LlmRequest({}, CHAT), () => 1, { codec: "auto" }),
      (error) =>
        error instanceof InvalidArgument && /both edited at messages\[0\]/.test(error.message),
    );
  });

  test("an edit that the provider cannot carry fails the call with its path", async () => {
    const { runtime } = listen();
    runtime.registerLlmRequestIntercept("odd", 1, false, ({ request, annotated }) => ({
      request,
      annotated: { ...annotated, params: { top_p: 0.5, stop: ["x"] } },
    }));
    const request = new LlmRequest({}, { input: "hi" });
    await assert.rejects(
      runtime.llmCallExecute("r", request, () => 1, { codec: "openai_responses" }),
      (error) =>
        error instanceof InvalidArgument && /cannot carry the edit of .*stop/.test(error.message),
    );
  });

  test("calls that the application runs by itself are annotated, too", () => {
    const { runtime, events } = listen();
    const handle = runtime.llmCall("openai", new LlmRequest({}, CHAT), { codec: "auto" });
    runtime.llmCallEnd(handle, SAID, { responseCodec: "openai_chat" });
    assert.equal(events[0].annotated_request.model, "gpt-4o");
    assert.equal(events[1].annotated_response.message, "Hello!");
  });

  test("a streamed response is annotated like a plain one", async () => {
    const { chunks, response } = streams.find(({ codec }) => codec === "openai_chat");
    const { runtime, events } = listen();
    const codec = new OpenAIChatStreamingCodec();
    const stream = await runtime.llmStreamCallExecute(
      "openai",
      new LlmRequest({}, CHAT),
      async function* () {
        yield* chunks;
      },
      { collector: codec.collector(), finalizer: codec.finalizer(), responseCodec: "openai_chat" },
    );
    const seen = [];
    for await (const chunk of stream) seen.push(chunk);
    assert.deepEqual(seen, chunks);
    await runtime.llmCallExecute("plain", new LlmRequest({}, CHAT), () => response, {
      responseCodec: "auto",
    });
    const [streamed, plain] = events.filter((event) => event.scope_category === "end");
    assert.deepEqual(streamed.annotated_response, plain.annotated_response);
    assert.equal(streamed.annotated_response.finish_reason, "tool_use");
  });

  test("a payload that no codec knows goes without, and is logged once", async () => {
    const told = [];
    const { runtime, events } = listen({ log: (message) => told.push(message) });
    for (let i = 0; i < 3; i++) {
      const request = new LlmRequest({}, { prompt: "hi" });
      const options = { codec: "auto", responseCodec: "auto" };
      assert.equal(await runtime.llmCallExecute("m", request, () => "hello", options), "hello");
    }
    for (const event of events) {
      assert.equal(event.annotated_request ?? event.annotated_response, undefined);
      assert.equal(event.metadata?.["codec.failed"], undefined);
    }
    assert.equal(told.filter((message) => message.includes("no codec knows")).length, 1);
    assert.equal(told.length, 1);
  });

  test("a codec that fails never fails the call", async () => {
    const told = [];
    const { runtime, events } = listen({ log: (message) => told.push(message) });
    const odd = [7, "x", null, [], { choices: 7 }, { content: {} }, new Map(), () => 1];
    for (const name of ["auto", "openai_chat", "openai_responses", "anthropic_messages"]) {
      for (const response of odd) {
        const answer = await runtime.llmCallExecute("m", new LlmRequest({}, {}), () => response, {
          responseCodec: name,
        });
        assert.equal(answer, response);
      }
    }
    const failed = events.filter((event) => event.metadata?.["codec.failed"] !== undefined);
    assert(failed.length > odd.length);
    assert.equal(
      told.filter((message) => message.includes("response decode")).length,
      failed.length,
    );
  });

  test("the prices of the runtime tell the cost in its events", async () => {
    const rates = { input_per_million: 1_000_000, output_per_million: 2_000_000 };
    const catalogue = { entries: [{ provider: "p", model_id: "gpt-4o", rates }] };
    const { runtime, events } = listen();
    runtime.usePrices(catalogue);
    const options = { responseCodec: "auto" };
    await runtime.llmCallExecute("m", new LlmRequest({}, CHAT), () => SAID, options);
    assert.equal(events[1].annotated_response.usage.cost.total, 15);
    assert.equal(new OpenAIChatCodec().decodeResponse(SAID).usage.cost, undefined);
    usePrices(catalogue);
    try {
      assert.equal(new OpenAIChatCodec().decodeResponse(SAID).usage.cost.total, 15);
    } finally {
      usePrices();
    }
    assert.equal(defaultRuntime() === runtime, false);
  });
});

describe("bad input to codecs", () => {
  const codec = new OpenAIChatCodec();

  test("names what is wrong", async () => {
    const { runtime } = listen();
    const request = new LlmRequest({}, CHAT);
    const refused = [
      [() => codec.decode(CHAT), /request must be an LlmRequest/],
      [() => codec.decode(null), /request must be an LlmRequest/],
      [() => codec.encode({}, CHAT), /request must be an LlmRequest/],
      [
        () => codec.decode({ headers: {}, content: "x" }),
        /OpenAI Chat request decode: the content is no object/,
      ],
      [() => codec.encode("x", request), /./],
      [() => codec.decodeResponse({ x: 1 }), /nothing of such a response/],
      [() => new AutoCodec().encode({}, { headers: {}, content: {} }), /no codec knows/],
      [() => runtime.usePrices("prices.json"), /./],
      [
        () => runtime.llmCallExecuteSync("m", request, () => 1, { codec: "openai" }),
        /codec is "openai", not a codec or one of auto, openai_chat/,
      ],
      [() => runtime.llmCall("m", request, { codec: {} }), /codec must have a method decode/],
      [
        () => runtime.llmCallExecuteSync("m", request, () => 1, { responseCodec: "" }),
        /responseCodec is "", not a codec/,
      ],
    ];
    for (const [call, message] of refused) {
      assert.throws(call, (error) => {
        assert(error instanceof InvalidArgument, String(error));
        assert.match(error.message, message);
        return true;
      });
    }
    await assert.rejects(
      runtime.llmCallExecute("m", request, () => 1, { responseCodec: "toString" }),
      InvalidArgument,
    );
  });

  test("a stream is finished once", () => {
    const streaming = new OpenAIChatStreamingCodec();
    assert.deepEqual(streaming.finalizer()(), {});
    assert.throws(() => streaming.finalizer()(), InvalidState);
    assert.throws(() => streaming.collector()({}), InvalidState);
  });

  const wrong = [null, true, -7, 1.5, "text", [], [[]], {}, { type: {} }, [null, { type: "text" }]];

  /** This value again and again, each time with another place in it wrong or missing. */
  function* withWrong(value) {
    for (const path of paths(value, [])) {
      for (const other of [...wrong, undefined]) {
        const made = [structuredClone(value)];
        const way = [0, ...path];
        const holder = way.slice(0, -1).reduce((container, step) => container[step], made);
        if (other !== undefined) holder[way.at(-1)] = structuredClone(other);
        else if (Array.isArray(holder)) holder.splice(way.at(-1), 1);
        else delete holder[way.at(-1)];
        if (made.length > 0) yield made[0];
      }
    }
  }

  function* paths(value, at) {
    if (typeof value === "object" && value !== null) {
      for (const key of Object.keys(value)) {
        yield* paths(value[key], [...at, Array.isArray(value) ? Number(key) : key]);
      }
    }
    yield at;
  }

  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

  test("anything wrong in a request is decoded, and stays", () => {
    for (const { codec: name, content } of requests) {
      const of = codecNamed(name);
      for (const odd of withWrong(content)) {
        const request = { headers: {}, content: odd };
        if (isObject(odd)) assert.equal(of.encode(of.decode(request), request), request);
        else assert.throws(() => of.decode(request), /request decode: the content is no object/);
      }
    }
  });

  test("anything wrong in an annotated form is carried or refused", () => {
    for (const { codec: name, content, annotated } of requests) {
      const of = codecNamed(name);
      const request = { headers: {}, content };
      for (const odd of withWrong(annotated)) {
        if (!isObject(odd)) continue;
        try {
          assert(isObject(of.encode(odd, request).content));
        } catch (error) {
          assert.match(error.message, /request encode: the provider cannot carry the edit of /);
        }
      }
    }
  });

  test("anything wrong in a response is decoded or refused", () => {
    for (const { codec: name, response } of responses) {
      const of = codecNamed(name);
      for (const odd of withWrong(response)) {
        try {
          assert(of.decodeResponse(odd).api_specific);
        } catch (error) {
          assert.match(error.message, /response decode: it has nothing of such a response/);
        }
      }
    }
  });

  test("getters and toJSON that throw are no affair of the codec's", () => {
    const content = {
      messages: [],
      get bad() {
        throw new Error("no");
      },
    };
    assert.deepEqual(codec.decode({ headers: {}, content }).messages, []);
    const cyclic = { choices: [{ message: { content: "a" } }] };
    cyclic.self = cyclic;
    assert.equal(codec.decodeResponse(cyclic).message, "a");
    const hostile = new Proxy(codec, {
      get() {
        throw new Error("no");
      },
    });
    const { runtime } = listen();
    assert.throws(() => runtime.llmCall("m", new LlmRequest({}, CHAT), { codec: hostile }));
  });

  test("megabytes in every place of a text, and a hundred thousand messages", () => {
    const text = "ž".repeat(1_500_000);
    const request = {
      headers: {},
      content: { messages: [{ role: "user", content: text }], model: text, [text]: text },
    };
    const annotated = codec.decode(request);
    annotated.messages[0].content += "y";
    assert.equal(codec.encode(annotated, request).content.messages[0].content, `${text}y`);
    const messages = Array.from({ length: 100_000 }, (_, i) => ({ role: "user", content: `${i}` }));
    const many = { headers: {}, content: { messages } };
    const decoded = codec.decode(many);
    decoded.messages[99_999].content = "last";
    const encoded = codec.encode(decoded, many).content;
    assert.equal(encoded.messages[99_999].content, "last");
    assert.equal(encoded.messages[5], messages[5]);
  });
});

describe("what codecs hold", () => {
  test("no reference stays lent, and streams that nobody finishes go", async () => {
    const before = await countRefs();
    const gemini = new GeminiGenerateContentCodec();
    assert.throws(() => gemini.decodeResponse({}), InvalidArgument);
    const freed = await counted("codecStreamFree", async () => {
      for (let i = 0; i < 10; i++) new OpenAIChatStreamingCodec().collector()({ choices: [] });
      await countRefs();
    });
    assert.equal(freed, 10);
    assert.equal(await countRefs(), before);
  });
});
