import { isThenable } from "./callbacks.js";
import type { ContextBranch } from "./context.js";
import { asyncDispose, dispose } from "./dispose.js";
import type { Operation } from "./driver.js";
import { AnswerKind, EndStatus } from "./enums.gen.js";
import { InvalidState } from "./errors.gen.js";
import { Pause } from "./pause.js";
import { closeFailed } from "./runtime-core.js";
import type { Runtime } from "./runtime.js";
import type { ScopeHandle } from "./scope.js";
import type { LlmStream, SyncLlmStream } from "./stream.js";

/*
 * What decorated generator functions give: generators with a span around them (S1.11).
 *
 * The body sees what was current when the function was called, and what it makes current itself,
 * at each step; nothing leaks either way. The span opens at the first step, as the body does. It
 * ends with the body, by exhaustion, `return`, `throw` or an error; one that is dropped ends
 * as abandoned (S1.12).
 */

/** How a generator is driven. */
export type Method = "next" | "return" | "throw";
type Result = IteratorResult<any, any>;
type Body = Record<Method, (argument: unknown) => unknown>;

/** Work that gives what is to be awaited, where something is; so that sync and async are one. */
type Routine<T> = Generator<PromiseLike<unknown>, T, unknown>;

/** A body that can be driven, and the span around it. */
export interface Steps {
  open(): Routine<void>;
  step(method: Method, argument: unknown): Routine<Result>;
}

/** What stands round a generator. */
export interface Span {
  /** Opens it under what is current; gives the arguments of the body. */
  open(): Routine<unknown>;
  /** What is current inside, once it is open. */
  readonly scope: ScopeHandle | undefined;
  finish(result: unknown): Routine<void>;
  fail(error: unknown): Routine<void>;
  /** Its consumer has had enough. */
  stop(): Routine<void>;
}

// --- Driving ---

/** Runs what never waits: a span and a body that are sync give nothing to be awaited. */
function now<T>(routine: Routine<T>): T {
  const { done, value } = routine.next();
  if (!done) throw new InvalidState("a plain generator cannot wait: make it async");
  return value;
}

async function later<T>(routine: Routine<T>): Promise<T> {
  let step = routine.next();
  while (!step.done) {
    let result: unknown;
    try {
      result = await step.value;
    } catch (error) {
      step = routine.throw(error);
      continue;
    }
    step = routine.next(result);
  }
  return step.value;
}

/** Values that are at hand at once in a sync generator, and awaited in an async one. */
function* settled(value: unknown): Routine<unknown> {
  return isThenable(value) ? yield value : value;
}

// --- Spans ---

/** A scope round a generator. */
export class AgentSpan implements Span {
  scope: ScopeHandle | undefined;

  constructor(private readonly push: () => ScopeHandle) {}

  *open(): Routine<unknown> {
    this.scope = this.push();
    return undefined;
  }

  *finish(result: unknown): Routine<void> {
    this.scope!.close({ status: EndStatus.Ok, output: result });
  }

  *fail(error: unknown): Routine<void> {
    closeFailed(this.scope!, error);
  }

  *stop(): Routine<void> {
    this.scope!.close({ status: EndStatus.Cancelled });
  }
}

/** A managed tool call round a generator: the call pauses in its target. */
export class ToolSpan implements Span {
  private readonly pause = new Pause();
  private operation: Operation | undefined;
  private request: unknown;

  constructor(
    private readonly name: string,
    private readonly begin: (target: (request: unknown) => unknown) => Operation,
  ) {}

  get scope(): ScopeHandle | undefined {
    return this.operation?.span;
  }

  *open(): Routine<unknown> {
    let isIntercepted = false;
    const operation = this.begin((request) => {
      isIntercepted = operation.isIntercepted;
      if (isIntercepted) throw this.refusal();
      this.request = request;
      return this.pause;
    });
    this.operation = operation;
    const isPaused = yield* this.goOn(operation.begin());
    if (isPaused) return this.request;
    operation.outcome();
    // An execution intercept came to a result without the body.
    throw this.refusal();
  }

  *finish(result: unknown): Routine<void> {
    yield* this.end(AnswerKind.Value, result);
    this.operation!.outcome();
  }

  *fail(error: unknown): Routine<void> {
    yield* this.end(AnswerKind.Error, error);
    try {
      this.operation!.outcome();
    } catch (raised) {
      if (raised !== error) throw raised;
    }
  }

  *stop(): Routine<void> {
    yield* this.end(AnswerKind.Cancel);
    try {
      this.operation!.outcome();
    } catch {
      // That it was cancelled.
    }
  }

  private *end(kind: AnswerKind, value?: unknown): Routine<void> {
    yield* this.goOn(this.operation!.resume(kind, value));
  }

  /** Goes on to the pause or to the end; whether it is the pause. */
  private *goOn(first: PromiseLike<unknown> | undefined): Routine<boolean> {
    let pending = first;
    while (pending !== undefined && pending !== this.pause) {
      let kind = AnswerKind.Value;
      let result: unknown;
      try {
        result = yield pending;
      } catch (error) {
        kind = AnswerKind.Error;
        result = error;
      }
      pending = this.operation!.resume(kind, result);
    }
    return pending === this.pause;
  }

  private refusal(): InvalidState {
    const what = `the tool '${this.name}' is a generator`;
    return new InvalidState(`invalid state: ${what}, which no execution intercept can wrap`);
  }
}

// --- Steps ---

/** A body and the span around it, in a context of their own. */
export class SpannedSteps implements Steps {
  private context: ContextBranch;
  private body: Body | undefined;

  constructor(
    private readonly runtime: Runtime,
    private readonly span: Span,
    private readonly makeBody: (request: unknown) => unknown,
  ) {
    const { context } = runtime.engine;
    this.context = context.branch(context.get());
  }

  *open(): Routine<void> {
    // Each wait may come back in another context.
    const opening = this.span.open();
    let step = this.context.run(() => opening.next());
    while (!step.done) {
      let result: unknown;
      try {
        result = yield step.value;
      } catch (error) {
        step = this.context.run(() => opening.throw(error));
        continue;
      }
      step = this.context.run(() => opening.next(result));
    }
    this.context = this.runtime.engine.context.branch(this.span.scope);
    const request = step.value;
    try {
      this.body = this.context.run(() => this.makeBody(request)) as Body;
    } catch (error) {
      yield* this.span.fail(error);
      throw error;
    }
  }

  *step(method: Method, argument: unknown): Routine<Result> {
    let result: Result;
    try {
      result = (yield* settled(this.context.run(() => this.body![method](argument)))) as Result;
    } catch (error) {
      yield* this.span.fail(error);
      throw error;
    }
    if (result.done) {
      yield* method === "return" ? this.span.stop() : this.span.finish(result.value);
    }
    return result;
  }
}

/** What a managed stream takes for its producer: it also passes on what is sent and thrown. */
class Mail {
  private body: Body | undefined;
  letter: [Method, unknown] = ["next", undefined];
  result: unknown;

  constructor(private readonly makeBody: (request: any) => unknown) {}

  /** An intercept may go through it by itself. */
  [Symbol.iterator](): this {
    return this;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly produce = (request: unknown): Mail => {
    this.body = this.makeBody(request) as Body;
    return this;
  };

  next(): unknown {
    const [method, argument] = this.letter;
    // Passed on once: an intercept may ask for several chunks at a step.
    this.letter = ["next", undefined];
    const given = this.body![method](argument);
    return isThenable(given)
      ? given.then((result) => this.note(result as Result))
      : this.note(given as Result);
  }

  return(): unknown {
    return this.body!.return(undefined);
  }

  private note(result: Result): Result {
    if (result.done) this.result = result.value;
    return result;
  }
}

/** Of a generator function that is a managed stream. */
export class StreamSteps implements Steps {
  private readonly mail: Mail;
  private readonly current: ScopeHandle | undefined;
  private stream: AsyncIterableIterator<any> | SyncLlmStream | undefined;

  constructor(
    private readonly runtime: Runtime,
    private readonly execute: (produce: (request: any) => unknown) => unknown,
    makeBody: (request: any) => unknown,
  ) {
    this.mail = new Mail(makeBody);
    this.current = runtime.engine.context.get();
  }

  *open(): Routine<void> {
    const { context } = this.runtime.engine;
    const opened = context.run(this.current, () => this.execute(this.mail.produce));
    const stream = (yield* settled(opened)) as LlmStream | SyncLlmStream;
    this.stream = Symbol.asyncIterator in stream ? stream[Symbol.asyncIterator]() : stream;
  }

  *step(method: Method, argument: unknown): Routine<Result> {
    if (method === "return") {
      yield* settled(this.stream!.return!());
      return { done: true, value: argument };
    }
    this.mail.letter = [method, argument];
    const result = (yield* settled(this.stream!.next())) as Result;
    return result.done ? { done: true, value: this.mail.result } : result;
  }
}

// --- What the caller gets ---

/** Where a generator is: what may be asked of it, and what is open. */
class Progress {
  private steps: Steps | undefined;
  private isNew = true;
  private isRunning = false;

  constructor(
    steps: Steps,
    private readonly name: string,
  ) {
    this.steps = steps;
  }

  *ask(method: Method, argument: unknown): Routine<Result> {
    const { steps } = this;
    if (this.isRunning) {
      throw new InvalidState(`invalid state: a step of '${this.name}' is running already`);
    }
    if (steps === undefined || (this.isNew && method !== "next")) {
      this.steps = undefined;
      if (method === "throw") throw argument;
      return { done: true, value: method === "return" ? argument : undefined };
    }
    this.isRunning = true;
    let hasEnded = true;
    try {
      if (this.isNew) yield* steps.open();
      this.isNew = false;
      const result = yield* steps.step(method, argument);
      hasEnded = result.done === true;
      return result;
    } finally {
      this.isRunning = false;
      if (hasEnded) this.steps = undefined;
    }
  }
}

const SyncIterator = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
const AsyncIterator = Object.getPrototypeOf(
  Object.getPrototypeOf(Object.getPrototypeOf((async function* () {})())),
);

/** What a decorated generator function gives: it is driven as any generator. */
export class ManagedGenerator implements Iterable<any> {
  private readonly progress: Progress;

  /** @internal */
  constructor(steps: Steps, name: string) {
    this.progress = new Progress(steps, name);
  }

  [Symbol.iterator](): this {
    return this;
  }

  /** Goes on with a value for the `yield` that the body waits at. */
  next(value?: unknown): Result {
    return now(this.progress.ask("next", value));
  }

  /** Ends the body where it waits, and its span as cancelled. */
  return(value?: unknown): Result {
    return now(this.progress.ask("return", value));
  }

  /** Throws an error at the `yield` that the body waits at. */
  throw(error?: unknown): Result {
    return now(this.progress.ask("throw", error));
  }

  [dispose](): void {
    this.return();
  }
}

/**
 * What a decorated async generator function gives: it is driven as any async generator, but one
 * step at a time.
 */
export class ManagedAsyncGenerator implements AsyncIterable<any> {
  private readonly progress: Progress;

  /** @internal */
  constructor(steps: Steps, name: string) {
    this.progress = new Progress(steps, name);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Goes on with a value for the `yield` that the body waits at. */
  next(value?: unknown): Promise<Result> {
    return later(this.progress.ask("next", value));
  }

  /** Ends the body where it waits, and its span as cancelled. */
  async return(value?: unknown): Promise<Result> {
    return later(this.progress.ask("return", await value));
  }

  /** Throws an error at the `yield` that the body waits at. */
  throw(error?: unknown): Promise<Result> {
    return later(this.progress.ask("throw", error));
  }

  async [asyncDispose](): Promise<void> {
    await this.return();
  }
}

// With the helpers of iterators, where the host has them.
Object.setPrototypeOf(ManagedGenerator.prototype, SyncIterator);
Object.setPrototypeOf(ManagedAsyncGenerator.prototype, AsyncIterator);
