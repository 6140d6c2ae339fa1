import { checkObject, checkText } from "./checks.js";
import { FileMode, SinkDelivery, SinkOverflow } from "./enums.gen.js";
import { InvalidArgument, InvalidState } from "./errors.gen.js";
import type { SinkStats } from "./core.gen.js";
import { defaultRuntime } from "./default.js";
import { asyncDispose, dispose } from "./dispose.js";
import type { Engine } from "./engine.js";
import { installedEngine } from "./installed.js";
import { AtofSinkOperations, atofSinkOpen } from "./operations.gen.js";
import type { Runtime } from "./runtime.js";
import type { Sink } from "./sink.js";
import { CallbackSink, StreamSink, type LineCallback, type LineStream } from "./sink-output.js";

/** Where events are written: to a file, unless `output` is given. */
export interface AtofExporterConfig {
  /** Folder of the file; the working directory by default. It is made if it is missing. */
  outputDirectory?: string;
  /** Name of the file; `scopeflow.atof.jsonl` by default. */
  filename?: string;
  /** What happens to a file that exists; `append` by default. */
  mode?: "append" | "overwrite";
  /**
   * When a line reaches the file. `queued`, the default: many are written at a time, at the latest
   * after 10 ms, and `process.exit` drains them. `written`: before the call that emitted the event
   * returns.
   */
  delivery?: "queued" | "written";
  /**
   * What happens when the queue is full. With a file: the call waits (`block`, the default), the
   * event is dropped and counted, or it goes to the file `<path>.spill` until there is room; with
   * the WebAssembly core `spill` is as `block`. With a stream there is `drop` only, its default.
   */
  overflow?: "block" | "drop" | "spill";
  /** Most memory of lines that wait; 8 MiB by default, from 4 KiB on. */
  queueLimitBytes?: number;
  /** Largest size of the file before it is renamed to `<path>.1`; 0, the default, for none. */
  fileLimitBytes?: number;
  /** How many renamed files are kept; 5 by default. */
  keptFileCount?: number;
  /**
   * What gets the lines in place of a file: a function, for each line and without its end, or a
   * `WritableStream` of texts, which is written to as fast as it takes them and closed with the
   * exporter. A `TextEncoderStream` in between makes bytes of them.
   */
  output?: LineCallback | LineStream;
}

const FILE_OPTIONS = [
  "outputDirectory",
  "filename",
  "mode",
  "delivery",
  "fileLimitBytes",
  "keptFileCount",
] as const;
/** Longest wait of a flush. */
const FLUSH_TIMEOUT_NS = 30_000_000_000n;
const QUEUE_LIMIT_BYTES = 8_388_608;
const QUEUE_LIMIT_LEAST_BYTES = 4096;
const QUEUE_LIMIT_MOST_BYTES = 2 ** 40;

const MODES = { append: FileMode.Append, overwrite: FileMode.Overwrite };
const DELIVERIES = { queued: SinkDelivery.Queued, written: SinkDelivery.Written };
const OVERFLOWS = {
  block: SinkOverflow.Block,
  drop: SinkOverflow.Drop,
  spill: SinkOverflow.Spill,
};

function choice<Value>(of: Record<string, Value>, name: string, key: string): Value {
  const value = Object.hasOwn(of, key) ? of[key] : undefined;
  if (value !== undefined) return value;
  const allowed = Object.keys(of)
    .map((each) => `"${each}"`)
    .join(" or ");
  throw new InvalidArgument(`${name} must be ${allowed}, not ${String(key)}`);
}

function inRange(value: number, name: string, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new InvalidArgument(`${name} must be an integer from ${least} to ${most}, not ${value}`);
}

/** Writes each event as a line of ATOF 0.1 to a file, a callback or a stream. */
export class AtofExporter {
  /** Path of the file; empty if there is none. */
  readonly path: string;
  private readonly sink: Sink;
  /** Names under which it is registered. */
  private readonly registrations = new Set<string>();
  private isOpen = true;

  /**
   * @param runtime Whose events it takes; the default runtime, unless another is given.
   * @throws InvalidArgument if an option is wrong, or does not go with `output`.
   * @throws InvalidState if the file cannot be opened, with the system's reason, or if the host
   *   has no files.
   */
  constructor(
    config: AtofExporterConfig = {},
    private readonly runtime: Runtime = defaultRuntime(),
  ) {
    checkObject(config, "config");
    const limit = config.queueLimitBytes ?? QUEUE_LIMIT_BYTES;
    const queueLimitBytes = inRange(
      limit,
      "queueLimitBytes",
      QUEUE_LIMIT_LEAST_BYTES,
      QUEUE_LIMIT_MOST_BYTES,
    );
    if (config.output !== undefined) {
      this.path = "";
      this.sink = openOutput(config, queueLimitBytes);
      return;
    }
    const engine = installedEngine();
    const { outputDirectory = "", filename = "scopeflow.atof.jsonl" } = config;
    checkText(outputDirectory, "outputDirectory");
    checkText(filename, "filename");
    if (engine.files === undefined) {
      throw new InvalidState("there are no files here: give AtofExporter an output");
    }
    this.path = engine.files.join(outputDirectory, filename);
    this.sink = openFile(engine, this.path, config, queueLimitBytes);
  }

  /** Takes events from now on, under a name that no subscriber has. */
  register(name: string): void {
    this.sink.register(this.runtime, name);
    this.registrations.add(name);
  }

  /** Takes no more events. Returns whether the name was registered. */
  deregister(name: string): boolean {
    this.registrations.delete(name);
    return this.runtime.deregisterSubscriber(name);
  }

  /**
   * Waits until every event that was emitted before is in the file, or with the callback.
   *
   * @throws InvalidState for the first failure since the last flush, with the reason, or if there
   *   is a stream, for which only `flush` can wait.
   * @throws LimitExceeded after 30 seconds.
   */
  forceFlush(): void {
    this.sink.flush();
  }

  /** `forceFlush` for every output; what fails a stream is the `cause` of the error. */
  async flush(): Promise<void> {
    await this.sink.settle();
  }

  /** Deregisters, closes the file, and throws if something was not written. Once is enough. */
  shutdown(): void {
    if (this.sink instanceof StreamSink) this.sink.flush();
    if (this.leave()) this.sink.close();
  }

  /** `shutdown` for every output; a stream is closed once it has taken all that was emitted. */
  async close(): Promise<void> {
    if (this.leave()) await this.sink.finish();
  }

  /** What became of the events (S5.7). */
  readStats(): SinkStats {
    return this.sink.readStats();
  }

  /** False if that was done before. */
  private leave(): boolean {
    if (!this.isOpen) return false;
    this.isOpen = false;
    for (const name of this.registrations) this.runtime.deregisterSubscriber(name);
    return true;
  }

  /** `using exporter = new AtofExporter(…)` shuts it down with its block. */
  [dispose](): void {
    this.shutdown();
  }

  /** `await using exporter = …` closes it with its block, whatever its output is. */
  [asyncDispose](): Promise<void> {
    return this.close();
  }
}

function openOutput(config: AtofExporterConfig, queueLimitBytes: number): Sink {
  const { output } = config;
  const excluded = FILE_OPTIONS.find((name) => config[name] !== undefined);
  if (excluded !== undefined) {
    throw new InvalidArgument(`${excluded} is for files and does not go with output`);
  }
  const overflow = choice({ drop: SinkOverflow.Drop }, "overflow", config.overflow ?? "drop");
  const limits = { overflow, queueLimitBytes };
  if (typeof output === "function") return new CallbackSink(output, limits);
  if (typeof output?.getWriter === "function") return new StreamSink(output, limits);
  throw new InvalidArgument("output must be a function or a WritableStream");
}

function openFile(
  engine: Engine,
  path: string,
  config: AtofExporterConfig,
  queueLimitBytes: number,
): Sink {
  const mode = choice(MODES, "mode", config.mode ?? "append");
  const delivery = choice(DELIVERIES, "delivery", config.delivery ?? "queued");
  const overflow = choice(OVERFLOWS, "overflow", config.overflow ?? "block");
  const limit = config.fileLimitBytes ?? 0;
  const fileLimitBytes = inRange(limit, "fileLimitBytes", 0, Number.MAX_SAFE_INTEGER);
  const keptFileCount = inRange(config.keptFileCount ?? 5, "keptFileCount", 1, 1000);
  if (engine.core.atofSinkOpen === undefined) {
    return engine.files!.openSink({
      path,
      overflow,
      queueLimitBytes,
      fileLimitBytes,
      keptFileCount,
      isOverwritten: mode === FileMode.Overwrite,
      isWrittenAtOnce: delivery === SinkDelivery.Written,
    });
  }
  const address = atofSinkOpen(engine, {
    path,
    mode,
    delivery,
    overflow,
    queueLimitBytes: BigInt(queueLimitBytes),
    fileLimitBytes: BigInt(fileLimitBytes),
    keptFileCount,
  });
  return new CoreSink(new AtofSinkOperations(engine, address));
}

/** The file sink of the core: no code of JavaScript runs for an event. */
class CoreSink implements Sink {
  constructor(private readonly operations: AtofSinkOperations) {}

  register(runtime: Runtime, name: string): void {
    this.operations.register(runtime, name);
  }

  flush(): void {
    this.operations.flush(FLUSH_TIMEOUT_NS);
  }

  async settle(): Promise<void> {
    this.flush();
  }

  close(): void {
    try {
      this.flush();
    } finally {
      this.operations.engine.core.atofSinkFree!(this.operations.detach());
    }
  }

  async finish(): Promise<void> {
    this.close();
  }

  readStats(): SinkStats {
    return this.operations.readStats();
  }
}
