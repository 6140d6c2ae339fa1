import { join } from "node:path";
import { FileMode } from "./enums.gen.js";
import { InvalidArgument } from "./errors.gen.js";
import { defaultRuntime } from "./default.js";
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
    const { outputDirectory = "", filename = "scopeflow.atof.jsonl", mode = "append" } = config;
    if (mode !== "append" && mode !== "overwrite") {
      throw new InvalidArgument(`mode must be "append" or "overwrite", not ${String(mode)}`);
    }
    const engine = installedEngine();
    this.path = join(outputDirectory, filename);
    const fileMode = mode === "append" ? FileMode.Append : FileMode.Overwrite;
    const address = atofSinkOpen(engine, { path: this.path, mode: fileMode });
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

  /** Throws the first failure since the last flush, with the system's reason. */
  forceFlush(): void {
    this.sink.flush();
  }

  /** Deregisters, closes the file, and throws if something was not written. Once is enough. */
  shutdown(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const name of this.registrations) this.runtime.deregisterSubscriber(name);
    try {
      this.sink.flush();
    } finally {
      this.sink.engine.core.atofSinkFree!(this.sink.detach());
    }
  }

  [Symbol.dispose](): void {
    this.shutdown();
  }
}
