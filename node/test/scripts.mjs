// What the runtime calls while a vector runs: targets, middleware, codecs and streams that do what
// the vector's script says.

import { drive, driveSoon, driveSync, equal, fail, Mismatch } from "./driving.mjs";
import { containersOf, isCancellation, makeError, removeAt, setAt } from "./fixtures.mjs";

/** A managed call that runs: the objects that have to come out where they were put in. */
class ScriptedCall {
  constructor(name, request, isSync) {
    this.name = name;
    this.given = request; // The caller's own.
    this.request = request; // As it is now.
    this.isSync = isSync;
    this.result = undefined;
    this.chunks = [];
  }
}

export class Scripts {
  /** @param runner Does steps and makes payloads. */
  constructor(runner) {
    this.runner = runner;
    this.running = []; // The calls, innermost last.
    this.kept = new Map(); // label -> { next, request, call }
    this.thrown = new Set(); // Errors that targets and callables let out.
  }

  get call() {
    return this.running[this.running.length - 1] ?? fail("no call runs");
  }

  begin(name, request, isSync) {
    const call = new ScriptedCall(name, request, isSync);
    this.running.push(call);
    return call;
  }

  end() {
    this.running.pop();
  }

  /** Gives an answer after the other, the last one again and again. */
  answers(given) {
    let count = 0;
    return () => given?.[Math.min(count++, given.length - 1)] ?? {};
  }

  *play(answer, isSync = true) {
    yield* this.runner.steps(answer.steps, isSync);
    if (answer.chunks === undefined) this.throwIfAny(answer);
  }

  throwIfAny(answer) {
    const thrown = answer.raise ?? answer.cancel;
    if (thrown === undefined) return;
    const error = makeError(thrown, answer.cancel !== undefined);
    this.thrown.add(error);
    throw error;
  }

  record(label) {
    this.runner.calls.push(label);
  }

  // --- Middleware ---

  /** The function that is registered by an operation. */
  registered(operation, script) {
    const kind = operation.replace(/^scope_register_|^register_/, "");
    const act = this.functionOf(kind, script);
    const isAround = kind.endsWith("execution_intercept");
    const run = isAround ? act : (...given) => this.runner.inCallable(act(...given));
    const mayReject = this.runner.isPromising && /^(tool|llm|scope_sanitize)/.test(kind);
    if (script.async || mayReject) return async (...given) => drive(run(...given));
    const drives = isAround ? driveSoon : driveSync;
    return (...given) => drives(run(...given));
  }

  functionOf(kind, script) {
    const next = this.answers(script.answers);
    const [, chosen] = ACTS.find(([name]) => name.test(kind)) ?? [kind, "unknown"];
    return (...given) => this[chosen]( script.label, next, kind.startsWith("llm"), given);
  }

  /** Of a registry that no vector calls; it may be registered all the same. */
  *unknown(label) {
    fail(`${label} is of a kind that this runner does not know`);
  }

  *subscriber(label, next, _, [event]) {
    this.record(label);
    this.runner.hear(label, event.json);
    yield* this.play(next());
  }

  *guard(label, next, isLlm, given) {
    this.record(label);
    const { call } = this;
    if (!isLlm && given[0] !== call.name) fail(`a guard got the name ${given[0]}`);
    if (!Object.is(given[isLlm ? 0 : 1], call.given)) fail("a guard got another request");
    const answer = next();
    yield* this.play(answer);
    return answer.refuse;
  }

  *gate(label, next, _, [kinds, registration]) {
    this.record(label);
    if (!(kinds > 0) || typeof registration !== "string") fail("a gate was told nothing");
    const answer = next();
    yield* this.play(answer);
    return answer.refuse;
  }

  *sanitizer(label, next, _, given) {
    this.record(label);
    const payload = given[given.length - 2]; // The last one is the context.
    this.checkPrivate(payload);
    const answer = next();
    yield* this.play(answer);
    return this.rewritten(answer, payload);
  }

  *eventSanitizer(label, next, _, [event, fields]) {
    this.record(label);
    JSON.parse(event.json);
    equal(Object.keys(fields), ["data", "metadata", "category_profile"], "fields");
    const answer = next();
    yield* this.play(answer);
    return this.rewritten(answer, fields);
  }

  *injector(label, next, _, [event]) {
    this.record(label);
    JSON.parse(event.json);
    const answer = next();
    yield* this.play(answer);
    return this.rewritten(answer, {});
  }

  *requestIntercept(label, next, isLlm, given) {
    const { name, request } = isLlm ? given[0] : { name: given[0], request: given[1] };
    this.record(label);
    const { call } = this;
    if (name !== call.name) fail(`an intercept got the name ${name}`);
    this.checkPrivate(request);
    const answer = next();
    yield* this.play(answer);
    const result = this.rewritten(answer, request);
    if (result !== undefined || answer.marks !== undefined) call.request = result;
    return this.outcome(answer, result, isLlm);
  }

  outcome(answer, result, isLlmRequest) {
    const { runner } = this;
    const annotated = answer.annotated && runner.payload(answer.annotated);
    if (answer.marks === undefined) return annotated === undefined ? result : [result, annotated];
    const given = (payload) => payload && runner.payload(payload);
    const marks = answer.marks.map((mark) => ({
      name: mark.name,
      data: given(mark.data),
      metadata: given(mark.metadata),
      category: mark.category,
      categoryProfile: given(mark.category_profile),
      dataSchema: given(mark.data_schema),
    }));
    if (!isLlmRequest) return new runner.scopeflow.InterceptOutcome(result, marks);
    return { request: result, annotated, pendingMarks: marks };
  }

  rewritten(answer, given) {
    if (answer.return !== undefined) return this.runner.payload(answer.return);
    if (answer.nothing) return undefined;
    for (const [path, payload] of Object.entries(answer.edit ?? {})) {
      setAt(given, path, this.runner.payload(payload));
    }
    for (const path of answer.remove ?? []) removeAt(given, path);
    return given;
  }

  /** S3.10: no container is one of the application's. */
  checkPrivate(given) {
    const containers = containersOf(given);
    for (const [payload] of this.runner.owned) {
      for (const own of containersOf(payload)) {
        if (containers.has(own)) fail("a callable got a container of the application's");
      }
    }
  }

  // --- Execution ---

  target(script, call) {
    if (script === undefined) return () => fail("the target was called");
    const next = this.answers(script.answers ?? [script]);
    const run = (request) => this.runTarget(script, next(), call, request);
    return call.isSync ? (request) => driveSync(run(request)) : (request) => drive(run(request));
  }

  *runTarget(script, answer, call, request) {
    const { runner } = this;
    if (!Object.is(request, call.request)) fail("the target got another request");
    if (script.label !== undefined) this.record(script.label);
    if (script.as !== undefined) runner.labels.set(script.as, runner.runtime.getHandle());
    yield* runner.inOwnContext(this.play(answer, call.isSync));
    const makes = answer.chunks !== undefined;
    call.result = makes ? this.stream(answer, call) : runner.ownPayload(answer.return);
    return call.result;
  }

  *executionIntercept(label, next, _, [request, goOn, { target }]) {
    const { call, runner } = this;
    this.record(label);
    if (target !== call.name) fail(`an intercept got the name ${target}`);
    if (!Object.is(request, call.request)) fail("an intercept got another request");
    const answer = next();
    if (answer.keep_next !== undefined) {
      this.kept.set(answer.keep_next, { next: goOn, request, call });
    }
    return yield* runner.inOwnContext(this.intercept(answer, request, goOn, call));
  }

  *intercept(answer, request, goOn, call) {
    yield* this.runner.steps(answer.steps, call.isSync);
    const results = new Map();
    let last;
    for (const step of answer.next ?? [{}]) {
      last = yield* this.callNext(goOn, request, step, call);
      results.set(step.as, last);
    }
    if (answer.chunks === undefined) this.throwIfAny(answer);
    if (answer.chunks !== undefined) call.result = this.stream(answer, call);
    else if (answer.result_of !== undefined) call.result = results.get(answer.result_of);
    else if (answer.return !== undefined) call.result = this.runner.payload(answer.return);
    else call.result = last;
    return this.outcome(answer, call.result, false);
  }

  *callNext(goOn, request, step, call) {
    call.request = step.request === undefined ? request : this.runner.payload(step.request);
    let result;
    try {
      result = this.runner.inContext(() => goOn(call.request));
      if (result instanceof Promise) result = yield result;
    } catch (error) {
      if (!step.catch || isCancellation(error) || error instanceof Mismatch) throw error;
      return undefined;
    }
    if (!Object.is(result, call.result)) fail("next gave another object");
    return result;
  }

  *callKeptNext(step) {
    const { next, request, call } = this.kept.get(step.next) ?? fail(`no next ${step.next}`);
    const before = [call.request, call.result];
    this.running.push(call);
    try {
      return yield* this.callNext(next, request, step, call);
    } finally {
      this.running.pop();
      [call.request, call.result] = before;
    }
  }

  // --- Streams ---

  stream(script, call) {
    const chunks = this.chunks(script, call);
    return call.isSync ? plainStream(chunks) : asyncStream(chunks);
  }

  /** A generator of steps that returns at its end and yields `{ chunk }` for each chunk. */
  *chunks(script, call) {
    const { runner } = this;
    const producer = runner.producerContext();
    const before = (n) => producer.inside(() => runner.steps(script.before?.[n], call.isSync));
    let number = 0;
    for (const payload of script.chunks) {
      yield* before(++number);
      const chunk = runner.ownPayload(payload);
      call.chunks.push(chunk);
      yield { chunk };
    }
    yield* before(number + 1);
    this.throwIfAny(script);
  }

  collector(script, call) {
    const next = this.answers(script.answers);
    return this.plain(script, function* (chunk) {
      this.record(script.label);
      const newest = call.chunks[call.chunks.length - 1];
      if (!Object.is(chunk, newest)) fail("the collector got another chunk");
      yield* this.play(next());
    });
  }

  finalizer(script) {
    const next = this.answers(script.answers);
    return this.plain(script, function* () {
      this.record(script.label);
      const answer = next();
      yield* this.play(answer);
      return answer.return && this.runner.payload(answer.return);
    });
  }

  plain(script, act) {
    const run = (...given) => this.runner.inCallable(act.apply(this, given));
    if (script.async || this.runner.isPromising) return async (...given) => drive(run(...given));
    return (...given) => driveSync(run(...given));
  }

  // --- Codecs ---

  codec(script) {
    return {
      decode: this.codecAction(script, "decode_request"),
      encode: this.codecAction(script, "encode_request"),
      decodeResponse: this.codecAction(script, "decode_response"),
    };
  }

  codecAction(script, action) {
    const next = this.answers(script[action]);
    return this.plain({}, function* () {
      if (script[action] === undefined) fail(`${action} must not be asked for`);
      this.record(`${script.label}_${action}`);
      const answer = next();
      yield* this.play(answer);
      const result = answer.return && this.runner.payload(answer.return);
      if (action === "encode_request" && result !== undefined) this.call.request = result;
      return result;
    });
  }
}

function* plainStream(chunks) {
  for (const { chunk } of chunks) yield chunk;
}

async function* asyncStream(chunks) {
  let next = chunks.next();
  while (!next.done) {
    if (next.value instanceof Promise) {
      try {
        next = chunks.next(await next.value);
      } catch (error) {
        next = chunks.throw(error);
      }
    } else {
      yield next.value.chunk;
      next = chunks.next();
    }
  }
}

/** What a registry's callables do; the first that fits. */
const ACTS = [
  [/^subscriber$/, "subscriber"],
  [/^conditional_middleware/, "gate"],
  [/injector$/, "injector"],
  [/conditional_execution/, "guard"],
  [/^(tool|llm)_sanitize/, "sanitizer"],
  [/sanitize/, "eventSanitizer"],
  [/request_intercept$/, "requestIntercept"],
  [/execution_intercept$/, "executionIntercept"],
];
