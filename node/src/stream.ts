import { disown, isThenable } from "./callbacks.js";
import { asyncDispose, dispose } from "./dispose.js";
import type { ContextBranch } from "./context.js";
import type { Operation } from "./driver.js";
import { AnswerKind } from "./enums.gen.js";
import { InvalidArgument, InvalidState } from "./errors.gen.js";
import { UNWATCHED } from "./watch.js";

/*
 * Streams (S4.7). The producer sees the call's own span as the current scope, and what it makes
 * current itself, at each step (S1.11). No chunk is taken ahead of the consumer, and none is kept.
 */

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;
type Step = IteratorResult<any, any>;

const END: Step = { done: true, value: undefined };

/** What a streamed call has beyond others. */
export class StreamWork {
  /** The outermost intercept that has answered, with its name. */
  private intercept: string | undefined;
  /** What the producer gave, which intercepts may have passed on. */
  private produced: unknown;

  constructor(
    private readonly name: string,
    readonly collector: ((chunk: any) => unknown) | undefined,
    readonly finalizer: (() => unknown) | undefined,
    private readonly isSync: boolean,
  ) {}

  /** @param given What the call has come to; that it is no iterator shows at the first step. */
  open(operation: Operation, given: unknown): LlmStream | SyncLlmStream {
    const { intercept, name, isSync } = this;
    const giver = `${intercept ?? "the producer"} of '${name}'`;
    const isAnswer = intercept !== undefined && given !== this.produced && isWholeAnswer(given);
    const producer = new Producer(operation, giver, isAnswer ? [given] : given, isSync);
    this.produced = undefined;
    const Made = this.isSync ? SyncLlmStream : LlmStream;
    const stream = new Made(operation, producer, this.collector);
    const { engine } = operation.runtime;
    engine.watch.add(stream, operation.holding);
    return stream;
  }

  /** Notes that the outermost intercept has answered, which may pass on what it got. */
  note(intercept: string): void {
    this.intercept = intercept;
  }

  /** Notes what the producer gave. */
  noteProduced(produced: unknown): void {
    this.produced = produced;
  }
}

/**
 * Whether an intercept has answered with one chunk in place of a stream, such as a response that it
 * kept; as with the peers. What a producer gives has to be an iterator.
 */
function isWholeAnswer(given: unknown): boolean {
  switch (typeof given) {
    case "undefined":
    case "function":
      return false;
    case "object":
      return given !== null && !WAYS_TO_ITERATE.some((way) => way in given);
    default:
      return true;
  }
}

const WAYS_TO_ITERATE = [Symbol.asyncIterator, Symbol.iterator, "next"];

/** The application's own iterator, and the context in which it runs. */
class Producer {
  private iterator: AnyIterator | undefined;
  private readonly context: ContextBranch;

  constructor(
    operation: Operation,
    private readonly giver: string,
    private readonly produced: unknown,
    private readonly isSync: boolean,
  ) {
    this.context = operation.runtime.engine.context.branch(operation.producerScope);
  }

  /** The next chunk, as the iterator gives it. */
  ask(): unknown {
    return this.context.run(this.next);
  }

  private readonly next = (): unknown =>
    (this.iterator ??= this.iteratorOf(this.produced)).next();

  /** Stops it at once; one that has no `return`, or has not begun, has nothing to stop. */
  stop(): unknown {
    return this.context.run(() => (this.iterator ??= this.iteratorOf(this.produced)).return?.());
  }

  private iteratorOf(produced: unknown): AnyIterator {
    const object = Object(produced) as Partial<AsyncIterable<unknown> & Iterable<unknown>> &
      Partial<AnyIterator>;
    if (!this.isSync && object[Symbol.asyncIterator]) return object[Symbol.asyncIterator]!();
    if (object[Symbol.iterator] && typeof produced === "object") return object[Symbol.iterator]!();
    if (typeof object.next === "function") return object as AnyIterator;
    const wanted = this.isSync ? "iterator" : "async iterator";
    throw new InvalidArgument(`${this.giver} gave ${className(produced)}, which is no ${wanted}`);
  }
}

function className(value: unknown): string {
  return typeof value === "object" && value !== null ? value.constructor.name : typeof value;
}

/** What the sync and the async stream have in common. */
abstract class Chunks {
  /** @internal Of its watch. */
  place = UNWATCHED;
  protected isBusy = false;
  protected isOver = false;

  /** @internal */
  constructor(
    /** @internal */
    readonly operation: Operation,
    protected readonly producer: Producer,
    protected readonly collector: ((chunk: any) => unknown) | undefined,
  ) {}

  protected begin(): void {
    if (this.isBusy) throw new InvalidState("a step of the stream is running already");
    this.isBusy = true;
  }

  protected leave(): void {
    this.isBusy = false;
    if (!this.isOver && this.operation.isResting) return;
    this.isOver = true;
    this.operation.runtime.engine.watch.remove(this);
  }
}

/**
 * The chunks of a streamed LLM call, made by `llmStreamCallExecute`. `return`, which is also what
 * leaving a `for await` calls, stops the producer at once. Dropped before its end, it ends as
 * abandoned (S1.12).
 *
 * @example
 * for await (const chunk of await llmStreamCallExecute("gpt", request, chunks)) show(chunk);
 */
export class LlmStream extends Chunks implements AsyncIterable<any> {
  /** What the stream was cancelled with between two steps; the next one is told. */
  private cancelledWith: { reason: unknown } | undefined;

  /** @internal */
  constructor(
    operation: Operation,
    producer: Producer,
    collector: ((chunk: any) => unknown) | undefined,
  ) {
    super(operation, producer, collector);
    const { cancellation } = operation;
    // The signal must not keep a stream that nobody holds.
    const held = new WeakRef(this);
    cancellation?.onAbort(() => held.deref()?.cancel(cancellation.reason));
  }

  /** The stream by the protocol of iterators. What stops one of them stops the stream. */
  [Symbol.asyncIterator](): AsyncIterableIterator<any> {
    return new ChunkIterator(this);
  }

  /**
   * The next chunk, null at the end, as in the peers' package. Where a chunk may be null itself,
   * use `for await`.
   *
   * @throws What the producer or the collector throws; InvalidState while another step runs.
   */
  async next(): Promise<any> {
    const { done, value } = await this.advance();
    return done ? null : value;
  }

  /** Stops the producer, as `return` does. */
  async close(): Promise<void> {
    await this.return();
  }

  /** Does nothing: nothing has to be given back. Programs for the peers' package call it. */
  free(): void {}

  /** @internal Not itself async: a step is one promise and not two. */
  advance(): Promise<Step> {
    const { cancelledWith } = this;
    this.cancelledWith = undefined;
    if (cancelledWith !== undefined) return Promise.reject(cancelledWith.reason);
    return this.isOver ? Promise.resolve(END) : this.step();
  }

  /** Stops the producer. On a stream that has ended it does nothing. */
  async return(value?: unknown): Promise<Step> {
    if (this.isOver) return { done: true, value };
    this.begin();
    try {
      await this.stop();
      return { done: true, value };
    } finally {
      this.leave();
    }
  }

  /** `await using stream = …` stops it with its block. */
  async [asyncDispose](): Promise<void> {
    await this.return();
  }

  /** The signal has been aborted. A step that runs sees it by itself. */
  private cancel(reason: unknown): void {
    if (this.isBusy || this.isOver) return;
    this.isOver = true;
    this.cancelledWith = { reason };
    // It rejects with the reason, which the next step is told.
    const ended = this.stopProducer().then(() => this.end(AnswerKind.Error, reason));
    disown(ended.finally(() => this.leave()));
  }

  private async step(): Promise<Step> {
    this.begin();
    try {
      const { cancellation } = this.operation;
      let result: Step;
      try {
        const asked = this.producer.ask();
        const isRaced = cancellation !== undefined && isThenable(asked);
        result = (await (isRaced ? cancellation.race(asked) : asked)) as Step;
      } catch (error) {
        // Of a cancelled stream nobody waits for the producer, which may be amid a step.
        if (cancellation?.isReason(error)) disown(this.stopProducer());
        return await this.end(AnswerKind.Error, error);
      }
      if (result.done) return await this.end(AnswerKind.Value);
      const chunk: unknown = result.value;
      try {
        const collected = this.collector?.(chunk);
        if (isThenable(collected)) await collected;
      } catch (error) {
        await this.stopProducer();
        return await this.end(AnswerKind.Error, error);
      }
      const gone = this.operation.goOn(AnswerKind.Chunk);
      if (isThenable(gone)) await gone;
      return this.operation.isResting ? { done: false, value: chunk } : END;
    } finally {
      this.leave();
    }
  }

  private async stop(): Promise<Step> {
    try {
      await this.producer.stop();
    } catch (error) {
      return this.end(AnswerKind.Error, error);
    }
    return this.end(AnswerKind.Cancel);
  }

  /** After a failure of the collector, which came first. */
  private async stopProducer(): Promise<void> {
    try {
      await this.producer.stop();
    } catch {
      // The collector's error is the call's.
    }
  }

  private async end(kind: AnswerKind, error?: unknown): Promise<Step> {
    this.isOver = true;
    await this.operation.goOn(kind, error);
    return END;
  }
}

/** A stream as an iterator. */
class ChunkIterator implements AsyncIterableIterator<any> {
  constructor(private readonly stream: LlmStream) {}

  next(): Promise<Step> {
    return this.stream.advance();
  }

  return(value?: unknown): Promise<Step> {
    return this.stream.return(value);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** The same of a call that cannot wait, made by `llmStreamCallExecuteSync`. */
export class SyncLlmStream extends Chunks implements IterableIterator<any> {
  [Symbol.iterator](): this {
    return this;
  }

  /**
   * The next chunk, as iterators give it.
   *
   * @throws InvalidState while another step runs, and what ended the stream.
   */
  next(): Step {
    if (this.isOver) return END;
    this.begin();
    try {
      return this.step();
    } finally {
      this.leave();
    }
  }

  /** Stops the producer. On a stream that has ended it does nothing. */
  return(value?: unknown): Step {
    if (this.isOver) return { done: true, value };
    this.begin();
    try {
      this.stop();
      return { done: true, value };
    } finally {
      this.leave();
    }
  }

  /** `using stream = …` leaves it with its block. */
  [dispose](): void {
    this.return();
  }

  private step(): Step {
    const { cancellation } = this.operation;
    if (cancellation?.isAborted) {
      this.stopProducer();
      return this.end(AnswerKind.Error, cancellation.reason);
    }
    let result: Step;
    try {
      result = atOnce(this.producer.ask(), "the producer") as Step;
    } catch (error) {
      return this.end(AnswerKind.Error, error);
    }
    if (result.done) return this.end(AnswerKind.Value);
    const chunk: unknown = result.value;
    try {
      atOnce(this.collector?.(chunk), "the collector");
    } catch (error) {
      this.stopProducer();
      return this.end(AnswerKind.Error, error);
    }
    this.operation.goOn(AnswerKind.Chunk);
    return this.operation.isResting ? { done: false, value: chunk } : END;
  }

  private stop(): Step {
    try {
      atOnce(this.producer.stop(), "the producer");
    } catch (error) {
      return this.end(AnswerKind.Error, error);
    }
    return this.end(AnswerKind.Cancel);
  }

  /** After a failure of the collector, which came first. */
  private stopProducer(): void {
    try {
      this.producer.stop();
    } catch {
      // The collector's error is the call's.
    }
  }

  private end(kind: AnswerKind, error?: unknown): Step {
    this.isOver = true;
    this.operation.goOn(kind, error);
    return END;
  }
}

/** S3.8: what turns out to need a wait where nothing can be awaited has failed. */
function atOnce(value: unknown, who: string): unknown {
  if (!isThenable(value)) return value;
  disown(value);
  throw new InvalidState(`${who} of a stream that cannot wait gave a promise`);
}
