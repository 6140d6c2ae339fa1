// Replays vector files (tests/vectors/README.md) through the API that users call: a case's steps.
// Runs in Node and in browsers alike, so it uses neither's modules. What the runtime calls
// meanwhile is in scripts.mjs.

import { enums, flags, operations, structs } from "./dispatch.gen.mjs";
import { drive, equal, fail, Mismatch } from "./driving.mjs";
import { fixtures, makeError, textOf } from "./fixtures.mjs";
import { Scripts } from "./scripts.mjs";

const CLOCK_START = "1767225600000000000";
const CLOCK_STEP = "1000000";

/**
 * Runs a case. Throws what went wrong.
 *
 * @param scopeflow The package.
 * @param internals Of the package's inside: the `engine`, and all `enums` of the spec.
 * @param mode "sync" or "async": the entry that calls take; "native" is async with middleware in C
 *   where that can be (internals.natively), "promising" async with all functions async that may be:
 *   what would be thrown is rejected.
 */
export async function runCase(scopeflow, internals, test, mode) {
  const runner = new Runner(scopeflow, internals, test, mode);
  await drive(runner.run());
}

class Runner {
  constructor(scopeflow, internals, test, mode) {
    this.scopeflow = scopeflow;
    this.engine = internals.engine;
    this.enums = internals.enums;
    this.test = test;
    this.isSync = mode === "sync";
    this.isPromising = mode === "promising";
    this.natively = mode === "native" ? internals.natively : undefined;
    const settings = test.runtime ?? {};
    this.runtime = new scopeflow.Runtime({
      deterministic: true,
      canonical: true,
      clockStartNs: BigInt(settings.clock_start ?? CLOCK_START),
      clockStepNs: BigInt(settings.clock_step ?? CLOCK_STEP),
      payloadBudgetBytes: settings.payload_budget,
      credentialHeaders: settings.credential_headers,
      log: () => {},
    });
    this.labels = new Map([["root", this.runtime.root()]]);
    this.contexts = new Map([["main", { value: undefined }]]);
    this.context = this.contexts.get("main");
    this.isInContext = false;
    this.lines = new Map();
    this.calls = [];
    this.owned = []; // Payloads of the application, and their texts (S3.10).
    this.letGo = []; // kept, so that no finaliser releases them a second time
    this.scripts = new Scripts(this);
  }

  *run() {
    yield* this.steps(this.test.steps, this.isSync);
    const { events, calls, stats } = this.test.expect;
    for (const [label, lines] of Object.entries(events ?? {})) {
      equal(this.lines.get(label) ?? [], lines, `events of ${label}`);
    }
    if (calls) equal(this.calls, calls, "calls");
    const counted = this.readStruct("runtime_stats", this.runtime.readStats());
    for (const [name, value] of Object.entries(stats ?? {})) equal(counted[name], value, name);
    for (const [payload, text] of this.owned) {
      equal(textOf(payload), text, "the application's own object was changed");
    }
  }

  hear(label, line) {
    this.lines.set(label, [...(this.lines.get(label) ?? []), line]);
  }

  // --- Steps ---

  /** @param isSync Whether calls take their sync entry. */
  *steps(steps, isSync) {
    for (const step of steps ?? []) yield* this.step(step, isSync);
  }

  *step(step, isSync) {
    const outer = this.context;
    if (step.fork !== undefined) {
      this.contexts.set(step.context, { value: this.contexts.get(step.fork).value });
      return;
    }
    if (step.abandon !== undefined) {
      const handle = this.labels.get(step.abandon);
      this.letGo.push(handle);
      this.engine.core.scopeRelease(handle.detach());
      return;
    }
    if (step.context !== undefined) this.context = this.contexts.get(step.context);
    try {
      yield* this.operation(step, isSync);
    } finally {
      this.context = outer;
    }
  }

  *operation(step, isSync) {
    const received = [];
    const outcome = {};
    try {
      outcome.result = yield* this.perform(step, isSync, received);
    } catch (error) {
      if (error instanceof Mismatch) throw error;
      outcome.error = error;
      outcome.failed = true;
    }
    if (outcome.result === SKIPPED) return;
    this.check(step, outcome, received);
    if (step.as !== undefined) this.labels.set(step.as, outcome.result);
    if (!step.propagate) return;
    this.scripts.thrown.add(outcome.error);
    throw outcome.error;
  }

  *perform(step, isSync, received) {
    if (step.next !== undefined) return yield* this.scripts.callKeptNext(step);
    const entry = operations[step.op] ?? fail(`no operation ${step.op}`);
    const on = entry.on === "runtime" ? this.runtime : this.label(step.on);
    if (this.natively?.register(this, step, on)) return undefined;
    const given = this.arguments(entry, step);
    if (entry.result !== "call") {
      return this.inContext(() => entry.call(on, given, this.runtime));
    }
    // Unknown bits: in JavaScript the flags are methods and options.
    if (typeof step.args.flags === "number") return SKIPPED;
    const names = step.args.flags ?? [];
    const call = this.scripts.begin(given.name, given.request, isSync || names.includes("sync"));
    try {
      return yield* this.performCall(step, entry, given, call, received);
    } finally {
      this.scripts.end();
    }
  }

  *performCall(step, entry, given, call, received) {
    given.target = this.scripts.target(step.target, call);
    if (step.collector) given.collector = this.scripts.collector(step.collector, call);
    if (step.finalizer) given.finalizer = this.scripts.finalizer(step.finalizer);
    given.chunkMarks = (step.args.flags ?? []).includes("chunk_marks");
    const begin = call.isSync ? entry.callSync : entry.call;
    let result = this.inContext(() => begin(this.runtime, given));
    if (!call.isSync) result = yield result;
    if (step.op === "llm_stream_execute") {
      yield* this.consume(result, step.consume ?? {}, call, received);
      return undefined;
    }
    const isRequest = step.op.endsWith("request_intercepts");
    const expected = isRequest ? call.request : call.result;
    if (!Object.is(result, expected)) fail(`${step.op}: another object was returned`);
    return result;
  }

  *consume(stream, { between = {}, take, then }, call, received) {
    yield* this.steps(between["0"], call.isSync);
    const steps = call.isSync ? stream : stream[Symbol.asyncIterator]();
    while (received.length !== take) {
      let step = this.inContext(() => steps.next());
      if (!call.isSync) step = yield step;
      if (step.done) return;
      if (!Object.is(step.value, call.chunks[received.length])) fail("another chunk came out");
      received.push(step.value);
      yield* this.steps(between[received.length], call.isSync);
    }
    if (then === "drop") {
      stream.operation.holding.forget(); // As the finaliser does.
      return;
    }
    const closing = this.inContext(() => steps.return());
    if (!call.isSync) yield closing;
  }

  // --- Contexts ---

  /** Calls with the context's value, and keeps what the call has made of it. */
  inContext(call) {
    const storage = this.engine.context;
    const { context } = this;
    const wasInContext = this.isInContext;
    return storage.run(context.value, () => {
      this.isInContext = true;
      let result;
      try {
        result = call();
      } finally {
        this.isInContext = wasInContext;
        // A promise's call never changes the caller's value, but its target already runs.
        if (!(result instanceof Promise)) context.value = storage.get();
      }
      return result;
    });
  }

  /**
   * Runs what a callable does. While the operation's own call runs, it sees the context in which it
   * is called, and what it makes of it stays. Later, after an await, a browser no longer knows it.
   */
  *inCallable(steps) {
    const { context, isInContext } = this;
    if (isInContext) context.value = this.engine.context.get();
    try {
      return yield* steps;
    } finally {
      if (isInContext && this.isInContext) this.engine.context.set(context.value);
    }
  }

  /** The name of the context stands for what the target sees, until it has ended. */
  *inOwnContext(steps) {
    const { context } = this;
    const outer = context.value;
    context.value = this.engine.context.get();
    try {
      return yield* steps;
    } finally {
      context.value = outer;
    }
  }

  /** What the producer of a stream sees, from one chunk to the next. */
  producerContext() {
    const { context, engine } = this;
    let value;
    let hasBegun = false;
    const inside = function* (begin) {
      const outer = context.value;
      context.value = hasBegun ? value : engine.context.get();
      hasBegun = true;
      try {
        yield* begin();
      } finally {
        value = context.value;
        context.value = outer;
      }
    };
    return { inside };
  }

  // --- What came out ---

  check(step, { result, error, failed }, received) {
    const expected = step.expect ?? {};
    const where = `${step.op ?? "next"} ${step.args?.name ?? step.on ?? ""}`;
    this.checkError(expected, error, failed, where);
    if (expected.chunks !== undefined) {
      const told = expected.chunks.map((chunk) => textOf(this.payload(chunk)));
      equal(received.map(textOf), told, `${where}: chunks`);
    }
    if (expected.value !== undefined) {
      equal(textOf(result), textOf(this.payload(expected.value)), `${where}: value`);
    }
    if (expected.out !== undefined) this.checkOut(step, expected.out, result, where);
  }

  checkError(expected, error, failed, where) {
    const wanted = expected.raise ?? expected.cancel;
    if (wanted === undefined && expected.status === undefined) {
      if (failed) throw error;
      return;
    }
    if (!failed) fail(`${where}: nothing was thrown`);
    if (wanted !== undefined) {
      if (!this.scripts.thrown.has(error)) fail(`${where}: threw another error object: ${error}`);
      equal([error.constructor.name, error.message], [wanted.type, wanted.message], where);
      return;
    }
    equal(error?.code ?? String(error), expected.status, where);
    if (expected.message !== undefined) equal(error.message, expected.message, where);
  }

  checkOut(step, expected, result, where) {
    if (typeof expected !== "object") return equal(result, expected, where);
    const actual = this.readStruct(operations[step.op].result.split(".")[1], result);
    for (const [name, value] of Object.entries(expected)) {
      equal(actual[name], Array.isArray(value) ? [...value].sort() : value, `${where}: ${name}`);
    }
  }

  /** What came out, as a vector writes it. */
  readStruct(struct, values) {
    const out = {};
    for (const [name, key, type] of structs[struct]) {
      const value = values[key];
      const [kind, named] = type.split(".");
      if (kind === "enum") out[name] = this.enumName(named, value);
      else if (kind === "i64" || kind === "u64") out[name] = String(value);
      else out[name] = value;
    }
    if ("attributes" in out) {
      const set = { tool: "tool_attribute", llm: "llm_attribute" }[out.type] ?? "scope_attribute";
      out.attributes = this.flagNames(set, out.attributes);
    }
    return out;
  }

  enumName(name, value) {
    return snake(this.enums[enums[name]][value]);
  }

  flagNames(set, bits) {
    const members = Object.entries(this.enums[flags[set]]);
    const found = members.filter(([, bit]) => typeof bit === "number" && (bits & bit) !== 0);
    return found.map(([name]) => snake(name)).sort();
  }

  label(name) {
    if (name === "elsewhere" && !this.labels.has(name)) {
      this.labels.set(name, new this.scopeflow.Runtime({ deterministic: true }).root());
    }
    return this.labels.get(name) ?? fail(`no label ${name}`);
  }

  // --- Arguments ---

  arguments(entry, step) {
    const given = {};
    for (const [name, value] of Object.entries(step.args ?? {})) {
      const [, key, type] = entry.types.find(([known]) => known === name) ?? fail(`no ${name}`);
      if (type !== "callable") {
        given[key] = this.argument(type, value);
      } else if (name.endsWith("codec")) {
        given[key] = this.scripts.codec(value);
      } else {
        given[key] = this.scripts.registered(step.op, value);
        given.breakChain = value.break_chain ?? false;
      }
    }
    return given;
  }

  argument(type, value) {
    const [kind, name] = type.split(".");
    switch (kind) {
      case "string":
        return typeof value === "object" ? value.text.repeat(value.times) : value;
      case "enum":
        return typeof value === "number" ? value : this.number(enums[name], value);
      case "flags":
        if (typeof value === "number") return value;
        return value.reduce((bits, bit) => bits | this.number(flags[name], bit), 0);
      case "payload":
        return this.ownPayload(value);
      case "handle":
        return this.label(value);
      case "error":
        return makeError(value, false);
      case "timestamp":
        return BigInt(value);
      default:
        return value;
    }
  }

  payload(value) {
    return "json" in value ? JSON.parse(value.json) : fixtures[value.host]();
  }

  /** What belongs to the application: it must be at the end what it was at the beginning. */
  ownPayload(value) {
    const payload = this.payload(value);
    if (typeof payload === "object" && payload !== null) {
      this.owned.push([payload, textOf(payload)]);
    }
    return payload;
  }

  number(group, name) {
    return this.enums[group][pascal(name)] ?? fail(`no ${name} in ${group}`);
  }
}

/** What a step gives that the package has no way to say. */
const SKIPPED = Symbol("skipped");

function pascal(name) {
  return name.replace(/(^|_)(.)/g, (_, __, letter) => letter.toUpperCase());
}

function snake(name) {
  return name.replace(/(?!^)[A-Z]/g, "_$&").toLowerCase();
}
