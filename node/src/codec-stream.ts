import { lending, taken } from "./core-codec.js";
import type { CodecId } from "./enums.gen.js";
import { InvalidState } from "./errors.gen.js";
import { HeldReader } from "./lifetimes.js";
import { CodecStreamOperations, codecStreamNew, type RuntimeOperations } from "./operations.gen.js";

/** The chunks of one stream, put together by the core to what came without streaming. */
export class CodecStream {
  private readonly handle: CodecStreamOperations;
  private isFinished = false;

  /** @param runtime Lends the memory. */
  constructor(
    codec: CodecId,
    private readonly runtime: RuntimeOperations,
  ) {
    const { engine } = runtime;
    const address = codecStreamNew(engine, { runtime, codec });
    this.handle = new CodecStreamOperations(engine, address);
    engine.watch.add(this.handle, new HeldReader(engine.core, "codecStreamFree", address));
  }

  /** @throws LimitExceeded for a stream that needs more than 256 MiB; InvalidState once given. */
  feed(chunk: unknown): void {
    this.requireOpen();
    lending(this.runtime, [chunk], (ref) => this.handle.feed(ref!));
  }

  /** @throws InvalidState the second time. */
  finish(): unknown {
    this.requireOpen();
    this.isFinished = true;
    const { engine } = this.runtime;
    try {
      return taken(this.runtime, this.handle.finishAddress());
    } finally {
      engine.watch.remove(this.handle);
      engine.core.codecStreamFree(this.handle.detach());
    }
  }

  private requireOpen(): void {
    if (this.isFinished) throw new InvalidState("the stream's response was given already");
  }
}
