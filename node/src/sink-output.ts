import { isDeclaredAsync } from "./callbacks.js";
import { errorMessage } from "./error.js";
import { InvalidArgument, InvalidState, LimitExceeded } from "./errors.gen.js";
import { LineSink, type QueueOptions } from "./sink.js";

/** Gets each event as a line of ATOF, without a line end, before the event's operation returns. */
export type LineCallback = (line: string) => void;

/** What an exporter uses of a `WritableStream`. It gets texts of whole lines with their ends. */
export interface LineStream {
  /** Called once; it throws where somebody else writes to the stream. */
  getWriter(): LineWriter;
}

/** What an exporter uses of the writer of a `WritableStream`. */
export interface LineWriter {
  /** Fulfilled when the stream takes more. */
  readonly ready: Promise<unknown>;
  /** Takes whole lines; fulfilled when they are written. */
  write(lines: string): Promise<void>;
  /** Called once, after the last line. */
  close(): Promise<void>;
  /** Called in place of `close` once a write has failed. */
  abort(reason?: unknown): Promise<void>;
}

/** Longest wait of a flush. */
const FLUSH_TIMEOUT_MS = 30_000;
/** Characters after which no more lines are written together. */
const BATCH_SIZE = 65_536;
const encoder = new TextEncoder();

function sizeOfUtf8(text: string): number {
  return encoder.encode(text).length;
}

/** Calls a function for each line. */
export class CallbackSink extends LineSink {
  constructor(
    private readonly callback: LineCallback,
    limits: QueueOptions,
  ) {
    super("the callback", limits);
    if (isDeclaredAsync(callback)) {
      throw new InvalidArgument("output must be a function that is not async, or a WritableStream");
    }
  }

  override close(): void {
    this.isClosed = true;
    this.throwFailure();
  }

  protected override wake(): void {
    this.write();
  }

  protected override write(): void {
    const lines = this.queue;
    this.queue = [];
    for (const line of lines) {
      try {
        refuseThenable(this.callback(line.slice(0, -1)));
        this.noteWritten([line], sizeOfUtf8(line));
      } catch (error) {
        this.noteFailure(error);
        this.noteLost([line]);
      }
    }
  }
}

/** Nobody would wait for it, or hear of its failure. */
function refuseThenable(answer: unknown): void {
  if (typeof (answer as PromiseLike<unknown> | undefined)?.then !== "function") return;
  Promise.resolve(answer).catch(() => {});
  throw new InvalidState("the callback returned a promise; give a WritableStream to be waited for");
}

/**
 * Writes lines to a stream, as fast as that takes them. Lines wait here meanwhile, up to the limit;
 * beyond it they are dropped and counted, since nothing that emits an event can wait for a stream.
 */
export class StreamSink extends LineSink {
  private readonly writer: LineWriter;
  private pump: Promise<void> | undefined;
  /** What broke the stream; nothing can be written to it any more. */
  private broken: { readonly error: unknown } | undefined;
  /** Who waits for more lines to be settled. */
  private waiting: (() => void)[] = [];

  /** @throws InvalidArgument if somebody else writes to the stream. */
  constructor(stream: LineStream, limits: QueueOptions) {
    super("the stream", limits);
    try {
      this.writer = stream.getWriter();
    } catch (error) {
      const refused = new InvalidArgument(`output cannot be written to: ${errorMessage(error)}`);
      refused.cause = error;
      throw refused;
    }
  }

  override flush(): void {
    throw new InvalidState("a stream has to be waited for: await flush() or close()");
  }

  override async settle(): Promise<void> {
    this.tellDropped();
    await this.drain();
    this.throwFailure();
  }

  override close(): void {
    this.flush();
  }

  override async finish(): Promise<void> {
    this.isClosed = true;
    this.tellDropped();
    try {
      await this.drain();
    } catch (error) {
      // It does not take what waits; that it does not end either has to wait for nobody.
      this.writer.abort(error).catch(() => {});
      throw error;
    }
    if (this.broken === undefined) {
      await this.writer.close().catch((error: unknown) => this.noteFailure(error));
    }
    this.throwFailure();
  }

  protected override wake(): void {
    this.pump ??= this.run().finally(() => (this.pump = undefined));
  }

  protected override write(): void {
    this.wake();
  }

  /** Waits for what has been emitted until now. */
  private async drain(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.timeout()), FLUSH_TIMEOUT_MS);
    });
    const target = this.settledCount() + this.stats.queuedEventCount;
    try {
      while (this.settledCount() < target) await Promise.race([this.progress(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private settledCount(): number {
    return this.stats.writtenEventCount + this.stats.lostEventCount;
  }

  private timeout(): LimitExceeded {
    return new LimitExceeded(
      "the timeout of the flush has passed; events that still wait to be written: " +
        this.stats.queuedEventCount,
    );
  }

  /** Resolves when more lines are settled. */
  private progress(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private tellProgress(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Writes until nothing is left. Rejects never. */
  private async run(): Promise<void> {
    // What is emitted in one go is written together.
    await undefined;
    while (this.queue.length > 0) {
      const lines = await this.writeBatch();
      if (lines !== undefined) this.lose(lines);
      this.tellProgress();
    }
  }

  /** @returns The lines, if they could not be written. */
  private async writeBatch(): Promise<string[] | undefined> {
    let lines: string[] = [];
    try {
      if (this.broken === undefined) await this.writer.ready;
      lines = this.takeBatch();
      if (this.broken !== undefined) return lines;
      const text = lines.join("");
      await this.writer.write(text);
      this.noteWritten(lines, sizeOfUtf8(text));
      return undefined;
    } catch (error) {
      this.broken = { error };
      return lines;
    }
  }

  private lose(lines: string[]): void {
    this.noteFailure(this.broken!.error);
    this.noteLost(lines);
  }

  private takeBatch(): string[] {
    let size = 0;
    let count = 0;
    while (count < this.queue.length && size < BATCH_SIZE) size += this.queue[count++]!.length;
    return this.queue.splice(0, count);
  }
}
