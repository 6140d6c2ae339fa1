import type { SinkStats } from "./core.gen.js";
import { LogLevel, SinkOverflow } from "./enums.gen.js";
import { InvalidState } from "./errors.gen.js";
import { errorMessage } from "./error.js";
import { DroppedMarks } from "./sink-mark.js";
import type { Runtime } from "./runtime.js";

/** Where the lines of an exporter go. */
export interface Sink {
  /** Takes the events of a runtime from now on, as one of its subscribers. */
  register(runtime: Runtime, name: string): void;
  /**
   * Brings the lines that were taken to their place.
   *
   * @throws InvalidState for the first failure since the last flush, with the reason, or if only
   *   `settle` can wait for the place.
   */
  flush(): void;
  /** The same for a place that has to be waited for. */
  settle(): Promise<void>;
  /** Lets go of the place, written or not. */
  close(): void;
  /** The same for a place that has to be waited for. */
  finish(): Promise<void>;
  readStats(): SinkStats;
}

/** What a host with files lends. */
export interface Files {
  join(directory: string, name: string): string;
  /** Opens or makes the file; for hosts whose core has no file sink of its own. */
  openSink(options: FileSinkOptions): Sink;
}

/** How much may wait. */
export interface QueueOptions {
  readonly overflow: SinkOverflow;
  readonly queueLimitBytes: number;
}

export interface FileSinkOptions extends QueueOptions {
  readonly path: string;
  /** Whether the file is emptied first. */
  readonly isOverwritten: boolean;
  /** Whether each line is written before the event's operation returns. */
  readonly isWrittenAtOnce: boolean;
  /** Largest size of the file before it is renamed; 0 for none. */
  readonly fileLimitBytes: number;
  readonly keptFileCount: number;
}

/**
 * A sink that gets its lines as a host subscriber and may keep them for a while. What was dropped
 * is told by a mark right after the next line that there is room for, at a flush, and at the end.
 */
export abstract class LineSink implements Sink {
  protected readonly stats: SinkStats = {
    writtenEventCount: 0,
    writtenBytes: 0,
    droppedEventCount: 0,
    lostEventCount: 0,
    spilledEventCount: 0,
    queuedEventCount: 0,
    writeErrorCount: 0,
    rotationCount: 0,
  };
  /** Lines with their ends, the oldest first. */
  protected queue: string[] = [];
  /** Memory of the lines that wait, those that are on their way included. */
  protected queuedBytes = 0;
  protected isClosed = false;
  /** What failed since the last flush: the first of it. */
  private failure: { readonly error: unknown } | undefined;
  /** Whether the last attempt failed, and what the log has to be told of that. */
  private isFailing = false;
  private untold: { readonly error: unknown } | undefined;
  /** What was dropped and not told of in a mark, and the root of who emitted the last of it. */
  private dropped = { count: 0, root: "" };
  private marks: DroppedMarks | undefined;

  /** @param title What errors and the log call the place, such as `'a.jsonl'`. */
  protected constructor(
    private readonly title: string,
    private readonly limits: QueueOptions,
  ) {}

  register(runtime: Runtime, name: string): void {
    const root = runtime.root().uuid;
    runtime.registerSubscriber(name, ({ json }) => this.take(`${json}\n`, root, runtime));
  }

  flush(): void {
    this.write();
    if (this.tellDropped()) this.write();
    this.throwFailure();
  }

  async settle(): Promise<void> {
    this.flush();
  }

  abstract close(): void;

  async finish(): Promise<void> {
    this.close();
  }

  readStats(): SinkStats {
    return { ...this.stats };
  }

  /** Has what is queued written, now or soon. */
  protected abstract wake(): void;

  /** Writes what is queued as far as it can be done at once. Throws nothing. */
  protected abstract write(): void;

  /** Lines are where they belong. */
  protected noteWritten(lines: readonly string[], bytes: number): void {
    this.forget(lines);
    this.stats.writtenEventCount += lines.length;
    this.stats.writtenBytes += bytes;
    this.isFailing = false;
  }

  /** Lines will never be where they belong. */
  protected noteLost(lines: readonly string[]): void {
    this.forget(lines);
    this.stats.lostEventCount += lines.length;
  }

  protected noteFailure(error: unknown): void {
    this.stats.writeErrorCount += 1;
    this.failure ??= { error };
    if (!this.isFailing) this.untold = { error };
    this.isFailing = true;
  }

  /** @throws InvalidState */
  protected throwFailure(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure === undefined) return;
    const waiting = this.stats.queuedEventCount;
    const more = waiting > 0 ? `; events that still wait to be written: ${waiting}` : "";
    const error = new InvalidState(
      `an event was not written to ${this.title}: ${errorMessage(failure.error)}${more}`,
    );
    error.cause = failure.error;
    throw error;
  }

  /** Puts a mark of what was dropped. @returns Whether there was something to be told. */
  protected tellDropped(): boolean {
    const { count, root } = this.dropped;
    if (count === 0) return false;
    this.dropped = { count: 0, root };
    this.marks ??= new DroppedMarks((line) => {
      this.put(`${line}\n`);
      this.wake();
    });
    this.marks.tell(count, root);
    return true;
  }

  private take(line: string, root: string, runtime: Runtime): void {
    if (this.isClosed) return;
    if (!this.hasRoom(line) && this.limits.overflow !== SinkOverflow.Drop) this.write();
    if (this.hasRoom(line)) {
      this.put(line);
      this.tellDropped();
      this.wake();
    } else {
      this.stats.droppedEventCount += 1;
      this.dropped = { count: this.dropped.count + 1, root };
    }
    this.tellLog(runtime);
  }

  private hasRoom(line: string): boolean {
    const { queuedBytes, limits } = this;
    return queuedBytes === 0 || queuedBytes + sizeOf(line) <= limits.queueLimitBytes;
  }

  private put(line: string): void {
    this.queue.push(line);
    this.queuedBytes += sizeOf(line);
    this.stats.queuedEventCount += 1;
  }

  private forget(lines: readonly string[]): void {
    for (const line of lines) this.queuedBytes -= sizeOf(line);
    this.stats.queuedEventCount -= lines.length;
  }

  /** S5.7: once for each trouble. */
  private tellLog(runtime: Runtime): void {
    const { untold } = this;
    if (untold === undefined) return;
    this.untold = undefined;
    const reason = errorMessage(untold.error);
    runtime.log(LogLevel.Error, `writing to ${this.title} failed: ${reason}`, untold.error);
  }
}

/** Memory of a text: the length would need a look at every character. */
function sizeOf(line: string): number {
  return 2 * line.length;
}
