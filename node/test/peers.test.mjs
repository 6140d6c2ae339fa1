// The shapes of NeMo Flow 0.2.0's package that stand beside those with options.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as scopeflow from "scopeflow";
import { listen } from "./helpers.mjs";

const { LlmHandle, LlmRequest, LlmStream, ScopeStack, ScopeType, ToolHandle } = scopeflow;
const { endStream, pushStreamChunk } = scopeflow;

const request = () => ({ headers: { a: 1 }, content: { model: "m" } });

/** All chunks, asked for as the peers' programs do. */
async function drain(stream) {
  const chunks = [];
  for (let chunk = await stream.next(); chunk !== null; chunk = await stream.next())
    chunks.push(chunk);
  return chunks;
}

describe("arguments by position", () => {
  test("of an LLM call, with codecs of single functions", async () => {
    const { runtime, events } = listen();
    const parent = runtime.pushScope("p", ScopeType.Agent);
    runtime.registerLlmRequestIntercept("edit", 0, false, ({ name, request, annotated }) => {
      assert.equal(name, "gpt");
      return { request, annotated: { ...annotated, model: "other" } };
    });
    const result = await runtime.llmCallExecute(
      "gpt",
      request(),
      (given) => given.content,
      ...[parent, 1, null, { m: 1 }, "model"],
      (given) => ({ model: given.content.model }),
      ({ annotated, original }) => ({ ...original, content: annotated }),
      (response) => ({ decoded: response.model }),
    );
    assert.deepEqual(result, { model: "other" });
    const [start, end] = events.filter((event) => event.name === "gpt");
    assert.equal(start.parent_uuid, parent.uuid);
    assert.equal(start.category_profile.model_name, "model");
    assert.deepEqual(start.attributes, ["stateful"]);
    assert.deepEqual(start.metadata, { m: 1 });
    assert.deepEqual(start.annotated_request, { model: "other" });
    assert.deepEqual(end.annotated_response, { decoded: "other" });
  });

  test("of calls that the application runs, and null for all that is absent", () => {
    const { runtime, events } = listen();
    const at = Date.UTC(2026, 0) * 1000;
    const llm = runtime.llmCall("gpt", request(), null, null, { d: 1 }, { m: 1 }, "model", at);
    assert(llm instanceof LlmHandle);
    assert.deepEqual(llm.data, { d: 1 });
    runtime.llmCallEnd(llm, undefined, { data: 1, own: 2 }, { e: 1 }, at + 5);
    const tool = runtime.toolCall("t", 1, null, null, null, null, null, null);
    assert(tool instanceof ToolHandle);
    runtime.toolCallEnd(tool, { ok: true }, null, null, null);
    assert.equal(events[0].time.getTime(), at / 1000);
    assert.deepEqual(events[1].metadata, { e: 1, m: 1 });
    assert.equal(events[1].timestamp, "2026-01-01T00:00:00.000005000Z");
  });

  test("an object is the options of an end if all its members are", () => {
    const { runtime, events } = listen();
    const ended = (given) => {
      runtime.toolCallEnd(runtime.toolCall("t", 1), undefined, given);
      return events.at(-1);
    };
    assert.deepEqual(ended({ data: 5, metadata: { a: 1 } }).data, 5);
    assert.deepEqual(ended({ data: 5, tokens: 1 }).data, { data: 5, tokens: 1 });
    assert.deepEqual(ended([1]).data, [1]);
    assert.deepEqual(ended(7).data, 7);
    assert.equal(ended({}).data, null);
  });

  test("guards of a model are asked with the request alone", async () => {
    const { runtime } = listen();
    runtime.registerLlmConditionalExecutionGuardrail("g", 0, ({ content }) => content.model);
    await assert.rejects(runtime.llmConditionalExecution(request()), {
      message: "guardrail rejected: m",
    });
    await assert.rejects(runtime.llmConditionalExecution("gpt", request()));
  });

  test("null in the place of options", async () => {
    const { runtime } = listen();
    assert.equal(runtime.toolCallExecuteSync("t", 1, (n) => n, null), 1);
    assert.equal(await runtime.llmCallExecute("m", request(), () => 2, null), 2);
    assert.deepEqual([...runtime.llmStreamCallExecuteSync("m", request(), () => [3], null)], [3]);
  });

  test("an empty name of a model, or id of a tool call, is none", async () => {
    const { runtime, events } = listen();
    await runtime.llmCallExecute("gpt", request(), () => 1, { modelName: "" });
    await runtime.toolCallExecute("t", 1, () => 1, { toolCallId: "" });
    for (const event of events) assert.deepEqual(event.category_profile, {});
  });

  test("helpers answer with promises, those of a sync call at once", async () => {
    const { runtime } = listen();
    const answers = [
      [runtime.toolRequestIntercepts("t", 1), runtime.toolRequestInterceptsSync("t", 1)],
      [runtime.toolConditionalExecution("t", 1), runtime.toolConditionalExecutionSync("t", 1)],
      [
        runtime.llmConditionalExecution(request()),
        runtime.llmConditionalExecutionSync("m", request()),
      ],
    ];
    for (const [promise, value] of answers) {
      assert(promise instanceof Promise);
      assert.equal(await promise, value);
    }
    const asked = request();
    assert.equal(await runtime.llmRequestIntercepts("m", asked), asked);
    assert.equal(runtime.llmRequestInterceptsSync("m", asked), asked);
    const wrong = { headers: [], content: 1 };
    const told = { code: "invalid_argument", message: /^request must be an LlmRequest/ };
    await assert.rejects(runtime.llmRequestIntercepts("m", wrong), told);
    await assert.rejects(runtime.llmConditionalExecution(wrong), told);
    await assert.rejects(runtime.llmConditionalExecution("m"), told);
    assert.throws(() => runtime.llmRequestInterceptsSync("m", wrong), told);
    assert.throws(() => runtime.llmConditionalExecutionSync("m", wrong), told);
  });

  test("an intercept that gives no request is told by its name", async () => {
    const { runtime } = listen();
    let given = null;
    runtime.registerLlmRequestIntercept("mine", 0, false, () => given);
    for (const [answer, message] of [
      [null, "LLM request intercept 'mine' returned nothing for 'gpt'"],
      [{ headers: {} }, "LLM request intercept 'mine' returned no LLM request for 'gpt'"],
    ]) {
      given = answer;
      await assert.rejects(runtime.llmCallExecute("gpt", request(), assert.fail), {
        code: "invalid_argument",
        message: `invalid argument: ${message}`,
      });
    }
  });
});

describe("streams that are pushed", () => {
  const begin = (runtime, producer, ...more) =>
    runtime.llmStreamCallExecute("gpt", request(), producer, null, ...more);

  test("chunks pushed at once and later come out in order", async () => {
    const { runtime, events } = listen();
    const collected = [];
    let id;
    const stream = await runtime.llmStreamCallExecute(
      "gpt",
      request(),
      (given) => {
        assert.deepEqual(given.__nemo_flow_native, request());
        assert.deepEqual({ ...given }, request());
        id = given.__nemo_flow_stream_id;
        assert.equal(pushStreamChunk(id, 1), true);
        setImmediate(() => {
          pushStreamChunk(id, null);
          pushStreamChunk(id, 3);
          endStream(id);
          assert.equal(pushStreamChunk(id, 4), false);
        });
      },
      (chunk) => collected.push(chunk),
      () => collected,
    );
    assert(stream instanceof LlmStream);
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    assert.deepEqual(chunks, [1, null, 3]);
    assert.deepEqual(events.at(-1).data, [1, null, 3]);
  });

  test("a producer may be async, and may ask for its number late", async () => {
    const { runtime } = listen();
    const late = await begin(runtime, async (given) => {
      await null;
      pushStreamChunk(given.__nemo_flow_stream_id, "late");
      endStream(given.__nemo_flow_stream_id);
    });
    assert.deepEqual(await drain(late), ["late"]);
    const failing = await begin(runtime, async ({ __nemo_flow_stream_id: id }) => {
      pushStreamChunk(id, 1);
      throw new Error("mine");
    });
    assert.equal(await failing.next(), 1);
    await assert.rejects(failing.next(), { message: "mine" });
    await assert.rejects(
      begin(runtime, ({ __nemo_flow_stream_id: id }) => {
        throw new Error(`mine ${pushStreamChunk(id, 1)}`);
      }),
      { message: "mine true" },
    );
  });

  test("with arguments by position an iterable will do, too", async () => {
    const { runtime } = listen();
    assert.deepEqual(await drain(await begin(runtime, () => [1, 2])), [1, 2]);
    const both = await begin(runtime, ({ __nemo_flow_stream_id: id }) => [id, id]);
    const [id] = await drain(both);
    assert.equal(pushStreamChunk(id, 1), false);
    await assert.rejects((await begin(runtime, () => undefined)).next(), /undefined/);
    await assert.rejects(begin(runtime, 5), { message: "func must be a function, not 5" });
  });

  test("a consumer that leaves has later chunks refused", async () => {
    const { runtime } = listen();
    let id;
    const stream = await begin(runtime, (given) => {
      id = given.__nemo_flow_stream_id;
      for (let i = 0; i < 3; i++) pushStreamChunk(id, i);
    });
    for await (const chunk of stream) if (chunk === 1) break;
    assert.equal(pushStreamChunk(id, 9), false);
    assert.equal(await stream.next(), null);
  });

  test("an intercept reads one that has ended as an array, as the peers' do", async () => {
    const { runtime } = listen();
    runtime.registerLlmStreamExecutionIntercept("more", 0, async (given, next) => [
      ...(await next(given)),
      "more",
    ]);
    const ended = await begin(runtime, ({ __nemo_flow_stream_id: id }) => {
      pushStreamChunk(id, "one");
      endStream(id);
    });
    assert.deepEqual(await drain(ended), ["one", "more"]);
    const open = begin(runtime, ({ __nemo_flow_stream_id: id }) => void pushStreamChunk(id, 1));
    await assert.rejects(open, { code: "invalid_state", message: /for await/ });
  });

  test("numbers of no stream are no error", () => {
    for (const id of [0, -1, NaN, undefined, "1"]) {
      assert.equal(pushStreamChunk(id, 1), false);
      endStream(id);
    }
  });
});

describe("classes", () => {
  test("a request is one however it was made", async () => {
    const made = new LlmRequest(null, { model: "m" });
    assert.deepEqual(made.headers, {});
    const { runtime, events } = listen();
    made.headers = { authorization: "secret", x: 1 };
    let copy;
    runtime.registerLlmRequestIntercept("look", 0, false, ({ request }) => (copy = request));
    runtime.registerLlmSanitizeRequestGuardrail("s", 0, (given) => given);
    const target = (given) => given === copy && given.headers.authorization;
    assert.equal(await runtime.llmCallExecute("gpt", made, target), "secret");
    assert.notEqual(copy, made);
    assert(copy instanceof LlmRequest);
    assert.deepEqual(events[0].data, { headers: { x: 1 }, content: { model: "m" } });
    assert.equal(made.headers.authorization, "secret");
    made.free();
  });

  test("a request of the application's own class keeps its headers", async () => {
    class Mine {
      headers = { authorization: "secret" };
      content = { model: "m" };
    }
    const { runtime, events } = listen();
    runtime.registerLlmSanitizeRequestGuardrail("s", 0, (given) => given);
    const mine = new Mine();
    const target = (given) => given === mine && given.headers.authorization;
    assert.equal(await runtime.llmCallExecute("gpt", mine, target), "secret");
    assert.deepEqual(events[0].data, { headers: {}, content: { model: "m" } });
  });

  test("`next` of a model takes requests only", async () => {
    const { runtime } = listen();
    runtime.registerLlmExecutionIntercept("wrong", 0, (given, next) => next({ headers: 1 }));
    await assert.rejects(runtime.llmCallExecute("gpt", request(), assert.fail), {
      code: "invalid_argument",
      message: "invalid argument: invalid LlmRequest from JS next of 'wrong'",
    });
  });

  test("free is there, and nothing is gone after it", () => {
    const { runtime } = listen();
    const scope = runtime.pushScope("s", ScopeType.Agent);
    scope.free();
    scope.pop();
    new ScopeStack(runtime).free();
  });
});

describe("names", () => {
  const registries = [
    ...["ToolSanitizeRequestGuardrail", "ToolSanitizeResponseGuardrail"],
    ...["ToolConditionalExecutionGuardrail", "ToolRequestIntercept", "ToolExecutionIntercept"],
    ...["LlmSanitizeRequestGuardrail", "LlmSanitizeResponseGuardrail"],
    ...["LlmConditionalExecutionGuardrail", "LlmRequestIntercept", "LlmExecutionIntercept"],
    ...["LlmStreamExecutionIntercept", "Subscriber"],
  ];
  const classes = [
    ...["ScopeStack", "ScopeHandle", "ToolHandle", "LlmHandle", "LlmRequest", "LlmStream"],
    ...["AtofExporter", "OpenAIChatCodec", "OpenAIResponsesCodec", "AnthropicMessagesCodec"],
    "JsonPassthrough",
  ];
  const functions = [
    ...["createScopeStack", "currentScopeStack", "setThreadScopeStack", "scopeStackActive"],
    ...["getHandle", "pushScope", "popScope", "withScope", "event", "toolCall", "toolCallEnd"],
    ...["toolCallExecute", "toolCallExecuteAsync", "toolRequestIntercepts"],
    ...["toolConditionalExecution", "llmCall", "llmCallEnd", "llmCallExecute"],
    ...["llmCallExecuteAsync", "llmStreamCallExecute", "llmRequestIntercepts"],
    ...["llmConditionalExecution", "pushStreamChunk", "endStream", "getLastCallbackError"],
    ...["clearLastCallbackError", "typedToolExecute", "typedLlmExecute", "typedLlmStreamExecute"],
    ...registries.flatMap((name) => [`register${name}`, `deregister${name}`]),
    ...registries.flatMap((name) => [`scopeRegister${name}`, `scopeDeregister${name}`]),
  ];

  test("all functions and classes of the peers' package 0.2.0 are there", () => {
    const absent = [...classes, ...functions].filter(
      (name) => typeof scopeflow[name] !== "function",
    );
    assert.deepEqual(absent, []);
    assert.equal(typeof scopeflow.ScopeType, "object");
  });
});
