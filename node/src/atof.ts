import { join } from "node:path";
import { FileMode, SinkDelivery, SinkOverflow } from "./enums.gen.js";
import { InvalidArgument } from "./errors.gen.js";
import { defaultRuntime } from "./default.js";
import { asyncDispose, dispose } from "./dispose.js";
import { installedEngine } from "./installed.js";
import { AtofSinkOperations, atofSinkOpen } from "./operations.gen.js";
import type { Runtime } from "./runtime.js";

/** Where events are written. */
export interface AtofExporterConfig {
  /** Folder of the file; the working directory by default. It is made if it is missing. */
  outputDirectory?: string;
  /** Name of the file; `scopeflow.atof.jsonl` by default. */
  filename?: string;
  /** What happens to a file that exists; `append` by default. */
  mode?: "append" | "overwrite";
  /**
   * When a line reaches the file. `queued`, the default: a worker thread writes many at a time, and
   * `process.exit` drains them. `written`: before the call that emitted the event returns.
   */
  delivery?: "queued" | "written";
  /**
   * What happens when the queue is full: the call waits (`block`, the default), the event is
   * dropped and counted, or it goes to the file `<path>.spill` until there is room.
   */
  overflow?: "block" | "drop" | "spill";
  /** Largest size of the file before it is renamed to `<path>.1`; 0, the default, for none. */
  fileLimitBytes?: number;
  /** How many renamed files are kept; 5 by default. */
  keptFileCount?: number;
}

/** Longest wait of a flush. */
const FLUSH_TIMEOUT_NS = 30_000_000_000n;

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

/**
 * Appends each event as a line of ATOF 0.1 to a file, in the core: no code of JavaScript runs for
 * it. Needs the native core; with the WebAssembly core the constructor throws InvalidState.
 */
export class AtofExporter {
  /** Path of the file. */
  readonly path: string;
  private readonly sink: AtofSinkOperations;
  /** Names under which it is registered. */
  private readonly registrations = new Set<string>();
  private isOpen = true;

  /** @param runtime Whose events it takes. */
  constructor(
    config: AtofExporterConfig = {},
    private readonly runtime: Runtime = defaultRuntime(),
  ) {
    const { outputDirectory = "", filename = "scopeflow.atof.jsonl" } = config;
    const { fileLimitBytes = 0, keptFileCount = 5 } = config;
    this.path = join(outputDirectory, filename);
    const options = {
      path: this.path,
      mode: choice(MODES, "mode", config.mode ?? "append"),
      delivery: choice(DELIVERIES, "delivery", config.delivery ?? "queued"),
      overflow: choice(OVERFLOWS, "overflow", config.overflow ?? "block"),
      fileLimitBytes: BigInt(fileLimitBytes),
      keptFileCount,
    };
    const engine = installedEngine();
    const address = atofSinkOpen(engine, options);
    this.sink = new AtofSinkOperations(engine, address);
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
   * Waits until every event that was emitted before is in the file. Throws the first failure since
   * the last flush, with the system's reason.
   */
  forceFlush(): void {
    this.sink.flush(FLUSH_TIMEOUT_NS);
  }

  /** Deregisters, closes the file, and throws if something was not written. Once is enough. */
  shutdown(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const name of this.registrations) this.runtime.deregisterSubscriber(name);
    try {
      this.sink.flush(FLUSH_TIMEOUT_NS);
    } finally {
      this.sink.engine.core.atofSinkFree!(this.sink.detach());
    }
  }

  /** `using exporter = new AtofExporter(…)` shuts it down with its block. */
  [dispose](): void {
    this.shutdown();
  }

  async [asyncDispose](): Promise<void> {
    this.shutdown();
  }
}
