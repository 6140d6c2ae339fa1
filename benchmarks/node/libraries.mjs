// The same work in the words of each library. A library gives `works`, each of which does an
// operation `count` times; `listen`, which adds a subscriber and gives what removes it; and
// `settle`, which waits until what was emitted has reached everybody.

import { AsyncLocalStorage } from "node:async_hooks";
import { LARGE, SMALL } from "./request.mjs";
import * as contestants from "./rows.mjs";

/** How many calls run at the same time. */
const TOGETHER = 1000;

const search = async (request) => request;
const complete = async () => SMALL;
const pass = () => null;

/** What a tool makes of its plain result, unless the library wants more. */
const same = (plain) => plain;

/** A subscriber that is called and looks at nothing. */
const look = () => {};

async function* chunks(count) {
  for (let i = 0; i < count; i++) yield i;
}

/** @param call Begins one of many calls that run at the same time. */
async function gather(count, call) {
  for (let left = count; left > 0; left -= TOGETHER) {
    await Promise.all(Array.from({ length: Math.min(left, TOGETHER) }, call));
  }
}

// --- scopeflow and NeMo: the same names, but for the few that the caller gives ---

/**
 * @param words.execute Runs a tool whose function may give a promise.
 * @param words.result What a tool makes of its plain result.
 * @param words.stream Opens a stream and takes so many chunks from it.
 */
function managed(library, { execute = library.toolCallExecute, result = same, stream }) {
  const { pushScope, popScope, event, toolCall, toolCallEnd, llmCallExecute, ScopeType } = library;
  const target = async (request) => result(request);
  async function calls(count) {
    for (let i = 0; i < count; i++) await execute("search", SMALL, target);
  }
  const works = {
    scopes(count) {
      for (let i = 0; i < count; i++) popScope(pushScope("plan", ScopeType.Function));
    },
    marks(count) {
      for (let i = 0; i < count; i++) event("thought");
    },
    manual(count) {
      for (let i = 0; i < count; i++) toolCallEnd(toolCall("search", SMALL), result(SMALL));
    },
    calls,
    async guarded(count) {
      library.registerToolConditionalExecutionGuardrail("pass", 0, pass);
      await calls(count);
      library.deregisterToolConditionalExecutionGuardrail("pass");
    },
    gathered: (count) => gather(count, () => execute("search", SMALL, target)),
    async llm(count) {
      for (let i = 0; i < count; i++) await llmCallExecute("openai", LARGE, complete);
    },
  };
  if (stream !== undefined) works.stream = stream;
  return {
    works,
    listen() {
      library.registerSubscriber("look", look);
      return () => library.deregisterSubscriber("look");
    },
    // NeMo Flow has no such function: its subscribers are called in turns of the event loop.
    settle: () => library.flushSubscribers?.(),
  };
}

async function scopeflow() {
  const library = await import("scopeflow");
  const request = { headers: {}, content: SMALL };
  async function stream(count) {
    const produce = () => chunks(count);
    const options = { collector: look, finalizer: () => SMALL };
    const opened = await library.llmStreamCallExecute("openai", request, produce, options);
    for await (const chunk of opened) look(chunk);
  }
  return managed(library, { stream });
}

/** @param name The member that has the number of the stream. */
function pushed(library, name) {
  const request = { headers: {}, content: SMALL };
  return async (count) => {
    const produce = (given) => {
      void (async () => {
        for await (const chunk of chunks(count)) library.pushStreamChunk(given[name], chunk);
        library.endStream(given[name]);
      })();
    };
    const finalize = () => SMALL;
    const opened = await library.llmStreamCallExecute("openai", request, produce, look, finalize);
    for (;;) {
      const chunk = await opened.next();
      if (chunk === null) return;
      look(chunk);
    }
  };
}

async function relayNode() {
  const { default: library } = await import("nemo-relay-node");
  const { toolCallExecuteAsync: execute, llmCallExecuteAsync: llmCallExecute } = library;
  const result = (plain) => ({ result: plain });
  const stream = pushed(library, "__nemo_relay_stream_id");
  return managed({ ...library, llmCallExecute }, { execute, result, stream });
}

async function flowNode() {
  const { default: library } = await import("nemo-flow-node");
  const { toolCallExecuteAsync: execute, llmCallExecuteAsync: llmCallExecute } = library;
  const stream = pushed(library, "__nemo_flow_stream_id");
  return managed({ ...library, llmCallExecute }, { execute, stream });
}

/** Their streams take all chunks at once, as an array, which is not the same work. */
const relayWasm = async () => managed(await import("nemo-relay-wasm"), {});
const flowWasm = async () => managed(await import("nemo-flow-wasm"), {});

// --- OpenTelemetry: a scope and a call are a span each, with the request and the response as
// attributes where somebody listens ---

async function spans() {
  const { context, trace } = await import("@opentelemetry/api");
  const { AsyncLocalStorageContextManager } = await import("@opentelemetry/context-async-hooks");
  const { BasicTracerProvider } = await import("@opentelemetry/sdk-trace-base");
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const nothing = { onStart() {}, forceFlush: async () => {}, shutdown: async () => {} };
  const listener = { ...nothing, onEnd: look };
  const silent = new BasicTracerProvider().getTracer("silent");
  const heard = new BasicTracerProvider({ spanProcessors: [listener] }).getTracer("heard");
  let tracer = silent;
  const call = (name, key, request, target) =>
    tracer.startActiveSpan(name, async (span) => {
      if (tracer === heard) span.setAttribute(key, JSON.stringify(request));
      try {
        const response = await target(request);
        if (tracer === heard) span.setAttribute(`${key}.response`, JSON.stringify(response));
        return response;
      } finally {
        span.end();
      }
    });
  const tool = () => call("search", "gen_ai.tool.call.arguments", SMALL, search);
  /** A stream whose producer runs in the span's context, and which shows each chunk. */
  async function* streamed(count) {
    const span = tracer.startSpan("openai");
    const within = trace.setSpan(context.active(), span);
    const produced = chunks(count);
    const step = () => produced.next();
    try {
      for (;;) {
        const { done, value } = await context.with(within, step);
        if (done) return;
        look(value);
        yield value;
      }
    } finally {
      span.end();
    }
  }
  async function calls(count) {
    for (let i = 0; i < count; i++) await tool();
  }
  return {
    works: {
      scopes(count) {
        for (let i = 0; i < count; i++) tracer.startActiveSpan("plan", (span) => span.end());
      },
      manual(count) {
        for (let i = 0; i < count; i++) tracer.startSpan("search").end();
      },
      calls,
      gathered: (count) => gather(count, tool),
      async llm(count) {
        for (let i = 0; i < count; i++) {
          await call("openai", "gen_ai.input.messages", LARGE, complete);
        }
      },
      async stream(count) {
        for await (const chunk of streamed(count)) look(chunk);
      },
    },
    listen() {
      tracer = heard;
      return () => (tracer = silent);
    },
    settle() {},
  };
}

// --- The floor: the same work without any of them ---

async function floor() {
  const storage = new AsyncLocalStorage();
  return {
    works: {
      scopes(count) {
        for (let i = 0; i < count; i++) {
          storage.enterWith(SMALL);
          storage.enterWith(undefined);
        }
      },
      async calls(count) {
        for (let i = 0; i < count; i++) await search(SMALL);
      },
      gathered: (count) => gather(count, () => search(SMALL)),
      async llm(count) {
        for (let i = 0; i < count; i++) await complete(LARGE);
      },
      async stream(count) {
        for await (const chunk of chunks(count)) look(chunk);
      },
    },
  };
}

export const LIBRARIES = {
  [contestants.NATIVE]: scopeflow,
  [contestants.WASM]: scopeflow,
  [contestants.RELAY_NODE]: relayNode,
  [contestants.RELAY_WASM]: relayWasm,
  [contestants.FLOW_NODE]: flowNode,
  [contestants.FLOW_WASM]: flowWasm,
  [contestants.SPANS]: spans,
  [contestants.FLOOR]: floor,
};
