// Replays vector files (tests/vectors/README.md) through the API that users call. Runs in Node and
// in browsers alike, so it uses neither's modules.

import { enums, flags, operations, structs } from "./dispatch.gen.mjs";

const CLOCK_START = "1767225600000000000";
const CLOCK_STEP = "1000000";

/** What a failed case says. */
class Mismatch extends Error {}

function fail(message) {
  throw new Mismatch(message);
}

function equal(actual, expected, what) {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) fail(`${what}:\n  got      ${left}\n  expected ${right}`);
}

/**
 * Runs a case. Throws what went wrong.
 *
 * @param scopeflow The package.
 * @param internals Of the package's inside: the `engine`, and all `enums` of the spec.
 * @param mode "sync" or "async": the entry that tool calls take.
 */
export async function runCase(scopeflow, internals, test, mode) {
  const runner = new Runner(scopeflow, internals, test, mode);
  await drive(runner.run());
}

/** What the two ways to call have in common is written as generators that yield promises. */
async function drive(steps) {
  let next = steps.next();
  while (!next.done) {
    try {
      next = steps.next(await next.value);
    } catch (error) {
      next = steps.throw(error);
    }
  }
  return next.value;
}

function driveSync(steps) {
  const { done, value } = steps.next();
  if (!done) fail("a step waits in a sync run");
  return value;
}

class Runner {
  constructor(scopeflow, internals, test, mode) {
    this.scopeflow = scopeflow;
    this.engine = internals.engine;
    this.enums = internals.enums;
    this.test = test;
    this.isSync = mode === "sync";
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
    this.raised = new Set();
    this.running = []; // { name, request, result } of the tool calls round the step
    this.owned = []; // Payloads of the application, and their texts (S3.10).
    this.letGo = []; // kept, so that no finaliser releases them a second time
  }

  *run() {
    yield* this.steps(this.test.steps);
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

  *steps(steps) {
    for (const step of steps ?? []) yield* this.step(step);
  }

  *step(step) {
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
      yield* this.operation(step);
    } finally {
      this.context = outer;
    }
  }

  *operation(step) {
    const entry = operations[step.op] ?? fail(`no operation ${step.op}`);
    const given = this.arguments(entry, step.args ?? {});
    const on = entry.on === "runtime" ? this.runtime : this.label(step.on);
    const isCall = entry.result === "call";
    const isSync = isCall && (this.isSync || (given.flags & this.enums.CallFlags.Sync) !== 0);
    if (isCall) {
      given.target = this.target(step.target, isSync);
      this.running.push({ name: given.name, request: given.request });
    }
    let outcome;
    try {
      let result = this.inContext(() => (isSync ? entry.callSync : entry.call)(on, given));
      if (isCall && !isSync) result = yield result;
      outcome = { result };
    } catch (error) {
      if (error instanceof Mismatch) throw error;
      outcome = { error };
    }
    const call = isCall ? this.running.pop() : undefined;
    this.check(step, entry, outcome, call);
    if (step.as !== undefined) this.labels.set(step.as, outcome.result);
    if (step.propagate) throw outcome.error;
  }

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
      }
      // A promise's call never changes the caller's value, but its target already runs.
      if (!(result instanceof Promise)) context.value = storage.get();
      return result;
    });
  }

  check(step, entry, { result, error }, call) {
    const expected = step.expect ?? {};
    const where = `${step.op} ${step.args?.name ?? step.on ?? ""}`;
    const wanted = expected.raise ?? expected.cancel;
    if (wanted !== undefined) {
      if (error === undefined) fail(`${where}: raised nothing`);
      if (!this.raised.has(error)) fail(`${where}: raised another error object: ${error}`);
      equal([error.constructor.name, error.message], [wanted.type, wanted.message], where);
    } else if (expected.status !== undefined) {
      if (error === undefined) fail(`${where}: expected ${expected.status}, nothing was thrown`);
      equal(error.code ?? String(error), expected.status, where);
      if (expected.message !== undefined) equal(error.message, expected.message, where);
    } else if (error !== undefined) {
      throw error;
    } else if (call !== undefined && !Object.is(result, call.result)) {
      fail(`${where}: another object was returned than the target's`);
    }
    if (expected.out === undefined) return;
    if (typeof expected.out !== "object") return equal(result, expected.out, where);
    const actual = this.readStruct(entry.result.split(".")[1], result);
    for (const [name, value] of Object.entries(expected.out)) {
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
      const set = out.type === "tool" ? "tool_attribute" : "scope_attribute";
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

  arguments(entry, args) {
    const given = {};
    for (const [name, value] of Object.entries(args)) {
      const [, key, type] = entry.types.find(([known]) => known === name) ?? fail(`no ${name}`);
      given[key] = this.argument(type, value);
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
        return this.own("json" in value ? JSON.parse(value.json) : fixtures[value.host]());
      case "handle":
        return this.label(value);
      case "error":
        return makeError(value, false);
      case "timestamp":
        return BigInt(value);
      case "callable":
        return this.callable(value);
      default:
        return value;
    }
  }

  /** What belongs to the application: it must be at the end what it was at the beginning. */
  own(payload) {
    if (typeof payload === "object" && payload !== null) {
      this.owned.push([payload, textOf(payload)]);
    }
    return payload;
  }

  number(group, name) {
    return this.enums[group][pascal(name)] ?? fail(`no ${name} in ${group}`);
  }

  // --- What the core has called ---

  target(target, isSync) {
    if (target === undefined) return () => fail("the target was called");
    const run = (request) => this.runTarget(target, request);
    return isSync ? (request) => driveSync(run(request)) : (request) => drive(run(request));
  }

  *runTarget(target, request) {
    const call = this.running[this.running.length - 1];
    if (!Object.is(request, call.request)) fail("the target got another object than the request");
    if (target.label !== undefined) this.calls.push(target.label);
    if (target.as !== undefined) this.labels.set(target.as, this.runtime.getHandle());
    // The name of the context stands for what the target sees, until it has ended.
    const { context } = this;
    const outer = context.value;
    context.value = this.engine.context.get();
    try {
      yield* this.steps(target.steps);
    } finally {
      context.value = outer;
    }
    this.throwIfAny(target);
    call.result = this.argument("payload", target.return);
    return call.result;
  }

  callable(given) {
    let count = 0;
    const answer = () => given.answers?.[Math.min(count++, given.answers.length - 1)] ?? {};
    const run = (...args) => this.runCallable(given.label, answer(), args);
    if (given.async) return async (...args) => drive(run(...args));
    return (...args) => driveSync(run(...args));
  }

  *runCallable(label, answer, args) {
    this.calls.push(label);
    if (args[0] instanceof this.scopeflow.Event) {
      this.lines.set(label, [...(this.lines.get(label) ?? []), args[0].json]);
    } else {
      const call = this.running[this.running.length - 1];
      if (args[0] !== call.name) fail(`a guard got the name ${args[0]}`);
      if (!Object.is(args[1], call.request)) fail("a guard got another object than the request");
    }
    const isSync = this.isSync;
    this.isSync = true; // Guards and subscribers of the vectors are plain functions.
    // While the operation's own call runs, they see the context in which they are called, and what
    // they make of it stays. Later, after an await, a browser no longer knows it.
    const { context, isInContext } = this;
    if (isInContext) context.value = this.engine.context.get();
    try {
      yield* this.steps(answer.steps);
    } finally {
      this.isSync = isSync;
      if (isInContext) this.engine.context.set(context.value);
    }
    this.throwIfAny(answer);
    return answer.refuse;
  }

  throwIfAny(answer) {
    const thrown = answer.raise ?? answer.cancel;
    if (thrown === undefined) return;
    const error = makeError(thrown, answer.cancel !== undefined);
    this.raised.add(error);
    throw error;
  }
}

class AbortError extends Error {
  name = "AbortError";
}

function makeError({ type, message }, isCancellation) {
  const Base = isCancellation ? AbortError : Error;
  const Made = { [type]: class extends Base {} }[type];
  return new Made(message);
}

/** A text by which payloads are compared, those too that JSON cannot say. */
function textOf(payload) {
  const above = [];
  return JSON.stringify(payload, function (_, value) {
    while (above.length > 0 && above[above.length - 1] !== this) above.pop();
    if (typeof value !== "object" || value === null) {
      return typeof value === "bigint" || Number.isNaN(value) ? String(value) : value;
    }
    if (above.includes(value)) return "a cycle";
    const plain = value instanceof Map || value instanceof Set ? [...value] : value;
    above.push(plain);
    return plain;
  });
}

function pascal(name) {
  return name.replace(/(^|_)(.)/g, (_, __, letter) => letter.toUpperCase());
}

function snake(name) {
  return name.replace(/(?!^)[A-Z]/g, "_$&").toLowerCase();
}

class Foreign extends WeakMap {}

const fixtures = {
  cycle() {
    const root = { child: { list: [] } };
    root.child.list.push(root, root.child);
    return root;
  },
  shared() {
    const list = [1];
    return { a: list, b: list };
  },
  integers: () => ({
    max: 2n ** 64n - 1n,
    min: -(2n ** 63n),
    over: 2n ** 64n,
    under: -(2n ** 63n) - 1n,
  }),
  not_finite: () => ({ nan: NaN, plus: Infinity, minus: -Infinity, zero: -0 }),
  bytes: () => ({ empty: new Uint8Array(), some: new Uint8Array([0, 1, 2, 0xfe, 0xff]) }),
  set: () => new Set([10, 2, 1, "b", "a"]),
  too_deep() {
    let list = [];
    for (let i = 1; i < 130; i++) list = [list];
    return list;
  },
  foreign: () => ({ value: new Foreign() }),
  opaque: () => new Foreign(),
  surrogate: () => ({ text: "a\ud800b" }),
  integer_key: () => new Map([[7, "seven"]]),
};
