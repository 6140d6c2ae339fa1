import { join } from "node:path";
import { EventFile } from "./event-file.js";
import { LineSink, type Files, type FileSinkOptions, type Sink } from "./sink.js";

/*
 * The file sink for the WebAssembly core in Node. The core's own (ADR 0018) has a thread; here the
 * lines are gathered and written by a timer, when the queue is full, at a flush and at exit, always
 * by a plain call of the system: nothing waits for a stream of Node's.
 */

/** Longest time that a queued line waits for others. */
const DELAY_MS = 10;
/** How long a disk that failed is left alone. */
const REST_MS = 100;

/** Whether the process, or the worker thread, is about to end: nothing is queued any more. */
let isExiting = false;
const open = new Set<FileSink>();

function drainAtExit(sink: FileSink): void {
  if (open.size === 0) {
    process.once("exit", () => {
      isExiting = true;
      for (const each of open) each.drain();
    });
  }
  open.add(sink);
}

class FileSink extends LineSink {
  private readonly file: EventFile;
  /** Lines that are on their way into the file. */
  private writing: readonly string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private restUntil = 0;

  /** @throws InvalidState with the system's reason if the file cannot be opened. */
  constructor(private readonly options: FileSinkOptions) {
    super(`'${options.path}'`, options);
    this.file = new EventFile(options);
    drainAtExit(this);
  }

  override flush(): void {
    this.restUntil = 0;
    super.flush();
  }

  override close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.drain();
    if (this.tellDropped()) this.drain();
    clearTimeout(this.timer);
    open.delete(this);
    this.noteLost(this.writing);
    this.noteLost(this.queue);
    this.file.close();
    this.throwFailure();
  }

  override readStats() {
    return { ...super.readStats(), rotationCount: this.file.rotationCount };
  }

  /** Writes what is queued, also to a disk that has just failed. */
  drain(): void {
    this.restUntil = 0;
    this.write();
  }

  protected override wake(): void {
    if (this.options.isWrittenAtOnce || isExiting) this.write();
    else this.timer ??= setTimeout(() => this.onTimer(), DELAY_MS).unref();
  }

  protected override write(): void {
    if (performance.now() < this.restUntil) return;
    try {
      while (this.hasLines()) {
        if (this.writing.length === 0) this.takeAll();
        const size = this.file.writeRest();
        this.noteWritten(this.writing, size);
        this.writing = [];
      }
    } catch (error) {
      this.noteFailure(error);
      this.restUntil = performance.now() + REST_MS;
    }
  }

  private takeAll(): void {
    this.writing = this.queue;
    this.queue = [];
    this.file.put(this.writing.join(""));
  }

  private onTimer(): void {
    this.timer = undefined;
    this.write();
    if (this.hasLines()) this.timer = setTimeout(() => this.onTimer(), REST_MS).unref();
  }

  private hasLines(): boolean {
    return this.writing.length > 0 || this.queue.length > 0;
  }
}

/** The files of Node. */
export const nodeFiles: Files = {
  join,
  openSink: (options): Sink => new FileSink(options),
};
