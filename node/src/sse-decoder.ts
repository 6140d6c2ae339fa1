import type { SseItem } from "./core.gen.js";
import { defaultRuntime } from "./default.js";
import { SseItemKind } from "./enums.gen.js";
import { InvalidArgument } from "./errors.gen.js";
import { HeldReader } from "./lifetimes.js";
import { SseDecoderOperations, sseDecoderNew } from "./operations.gen.js";

/** An event that a server has sent. */
export interface SseEvent {
  /** The type; `message` where none is given. */
  readonly event: string;
  /** The data, its lines joined by LF; ill-formed UTF-8 is U+FFFD. */
  readonly data: string;
  /** The last `id` of the stream, which stays until another one; empty before the first. */
  readonly lastEventId: string;
  /** The time to reconnect that the stream has set last, in milliseconds. */
  readonly retryMs?: number;
  /** Where in the stream the first line of the event begins, in bytes. */
  readonly offsetBytes: number;
  /**
   * How many bytes it is, the blank line included. An event is there with the CR that ends it: an
   * LF which only the next bytes bring is the next event's.
   */
  readonly sizeBytes: number;
  /** Whether a line, or its data, was beyond the limit: then nothing of it was kept. */
  readonly isBad: boolean;
}

/** What can be said with a new decoder of server-sent events. */
export interface SseDecoderOptions {
  /**
   * Longest line, and longest data of an event, in bytes: 16 MiB if nothing is said, between 64
   * bytes and 1 GiB.
   */
  lineLimitBytes?: number;
}

const encoder = new TextEncoder();

/**
 * Decodes server-sent events by the rules of WHATWG's HTML, from bytes that are cut anywhere. It is
 * a second look at bytes that are passed on as they are.
 *
 * @example
 * const decoder = new SseDecoder();
 * for await (const bytes of response.body) {
 *   for (const { data } of decoder.feed(bytes)) if (data !== "[DONE]") collect(JSON.parse(data));
 * }
 */
export class SseDecoder {
  private readonly handle: SseDecoderOperations;

  /** @throws InvalidArgument for a limit out of its range. */
  constructor(options: SseDecoderOptions = {}) {
    const runtime = defaultRuntime();
    const { engine } = runtime;
    const address = sseDecoderNew(engine, { runtime, ...options });
    this.handle = new SseDecoderOperations(engine, address);
    engine.watch.add(this.handle, new HeldReader(engine.core, "sseDecoderFree", address));
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @param chunk Bytes of any size; a text stands for its UTF-8.
   * @returns The events that they complete, in order.
   * @throws InvalidArgument for what is neither; InvalidState once the stream was finished.
   */
  feed(chunk: Uint8Array | string): SseEvent[] {
    const bytes = typeof chunk === "string" ? encoder.encode(chunk) : chunk;
    if (!(bytes instanceof Uint8Array)) {
      throw new InvalidArgument("chunk must be a Uint8Array or a text");
    }
    this.handle.feed(bytes);
    return this.whole();
  }

  /**
   * Says that no more bytes follow.
   *
   * @returns What its last bytes have completed; an event that no blank line has ended is dropped.
   */
  finish(): SseEvent[] {
    this.handle.finish();
    return this.whole();
  }

  /**
   * The events of a stream of bytes, to its end.
   *
   * @param source Such as the body of what `fetch` gives.
   *
   * @example
   * for await (const { event, data } of new SseDecoder().decode(response.body)) print(event, data);
   */
  async *decode(
    source: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>,
  ): AsyncGenerator<SseEvent, void, undefined> {
    for await (const chunk of source) yield* this.feed(chunk);
    yield* this.finish();
  }

  private whole(): SseEvent[] {
    const events: SseEvent[] = [];
    for (;;) {
      const item = this.handle.next();
      if (item.item === SseItemKind.More || item.item === SseItemKind.End) return events;
      events.push(eventOf(item));
    }
  }
}

function eventOf(item: SseItem): SseEvent {
  return {
    event: item.event,
    data: item.data,
    lastEventId: item.lastId,
    ...(item.hasRetry ? { retryMs: item.retryMs } : {}),
    offsetBytes: item.offsetBytes,
    sizeBytes: item.sizeBytes,
    isBad: item.item === SseItemKind.BadEvent,
  };
}
