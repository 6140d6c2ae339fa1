import { isThenable } from "./callbacks.js";
import { InvalidState } from "./errors.gen.js";
import type { LlmRequest } from "./intercepts.js";

/*
 * Streams that are pushed, as in the peers' package: the producer gives no iterator but hands each
 * chunk over with `pushStreamChunk`, under the number of its stream, and ends with `endStream`.
 */

/** Those that still take chunks, by number. */
const open = new Map<number, PushedStream>();
let lastNumber = 0;

/** What was pushed and not yet asked for. Nothing bounds it: who pushes does not wait. */
class PushedStream implements AsyncIterableIterator<unknown> {
  private readonly chunks: unknown[] = [];
  private hasEnded = false;
  private failure: { error: unknown } | undefined;
  /** Lets the consumer go on that waits. */
  private wake: (() => void) | undefined;

  constructor(readonly number: number) {
    open.set(number, this);
  }

  push(chunk: unknown): void {
    this.chunks.push(chunk);
    this.wake?.();
  }

  end(): void {
    this.hasEnded = true;
    open.delete(this.number);
    this.wake?.();
  }

  fail(error: unknown): void {
    if (!this.hasEnded) this.failure = { error };
    this.end();
  }

  async next(): Promise<IteratorResult<unknown>> {
    while (this.chunks.length === 0) {
      const { failure } = this;
      this.failure = undefined;
      if (failure !== undefined) throw failure.error;
      if (this.hasEnded) return { done: true, value: undefined };
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return { done: false, value: this.chunks.shift() };
  }

  /** The consumer has gone: later chunks are refused. */
  return(): Promise<IteratorResult<unknown>> {
    this.chunks.length = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * The peers hand an intercept all chunks as an array. A stream that has ended can be read like
   * one.
   *
   * @throws InvalidState while chunks are still to come.
   */
  *[Symbol.iterator](): Generator<unknown> {
    if (!this.hasEnded)
      throw new InvalidState("the stream has not ended: read it with `for await`");
    while (this.chunks.length > 0) yield this.chunks.shift();
    if (this.failure !== undefined) throw this.failure.error;
  }
}

/**
 * Hands a chunk to the consumer of a stream.
 *
 * @param streamId What the producer got as `__nemo_flow_stream_id`.
 * @returns Whether the stream takes chunks: false once it has ended, its consumer has gone, or
 *   there never was one of this number.
 */
export function pushStreamChunk(streamId: number, chunk: unknown): boolean {
  const stream = open.get(streamId);
  stream?.push(chunk);
  return stream !== undefined;
}

/** Ends a pushed stream; its consumer still gets what waits. Unknown numbers are ignored. */
export function endStream(streamId: number): void {
  open.get(streamId)?.end();
}

/** What the producer of a stream gets that was asked for with arguments by position. */
export class PushRequest implements LlmRequest {
  headers: any;
  content: any;
  readonly #request: LlmRequest;
  #stream: PushedStream | undefined;

  constructor(request: LlmRequest) {
    ({ headers: this.headers, content: this.content } = request);
    this.#request = request;
  }

  /** The request itself, under the peers' name. */
  get __nemo_flow_native(): LlmRequest {
    return this.#request;
  }

  /** For `pushStreamChunk` and `endStream`. Whoever asks for it is going to push. */
  get __nemo_flow_stream_id(): number {
    return (this.#stream ??= new PushedStream(++lastNumber)).number;
  }

  /** @internal What the call streams: what is pushed, unless the producer gave something else. */
  streamed(produced: unknown): unknown {
    const stream = this.#stream;
    if (isThenable(produced)) {
      // One that has asked for its number goes on pushing while the consumer reads.
      if (stream === undefined) return produced.then((value) => this.streamed(value));
      produced.then(undefined, (error: unknown) => stream.fail(error));
      return stream;
    }
    if (produced === undefined || produced === null) return stream;
    stream?.end();
    return produced;
  }

  /** @internal The producer has failed before there was a stream. */
  abandon(): void {
    this.#stream?.end();
  }
}

/** A producer as the peers have it, which may push or give an iterable. */
export function pushing(producer: (request: any, signal: any) => unknown) {
  return (request: LlmRequest, signal?: AbortSignal): unknown => {
    const given = new PushRequest(request);
    try {
      return given.streamed(producer(given, signal));
    } catch (error) {
      given.abandon();
      throw error;
    }
  };
}
