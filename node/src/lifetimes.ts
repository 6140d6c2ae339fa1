import type { Core } from "./core.gen.js";
import type { Handle } from "./handle.js";
import type { Watched } from "./watch.js";

/** A scope's handle has a reference to the scope. */
export class HeldScope implements Watched {
  constructor(
    private readonly core: Core,
    private readonly address: number,
  ) {}

  forget(): void {
    this.core.scopeRelease(this.address);
  }
}

export class HeldRuntime implements Watched {
  constructor(
    private readonly core: Core,
    private readonly address: number,
  ) {}

  forget(): void {
    this.core.runtimeFree(this.address);
  }
}

/** What codecs keep of a stream. */
export class HeldReader implements Watched {
  constructor(
    private readonly core: Core,
    private readonly give: "codecStreamFree" | "sseDecoderFree",
    private readonly address: number,
  ) {}

  forget(): void {
    this.core[this.give](this.address);
  }
}

/**
 * Ended scopes. A context may hold one for long, for what it starts then; only the garbage
 * collector knows. To watch each would make every call dear, and a loop that never waits would fill
 * the memory with what finalisers have to do, so they are watched by the hundred.
 */
export class Remains {
  private static readonly BATCH_SIZE = 256;
  /**
   * The engine is told more than a batch takes, about 64 KB, since an allocator keeps what it once
   * had: of 64 MB that engines count before they collect, half is taken.
   */
  private static readonly TOLD_BYTES = Remains.BATCH_SIZE * 512;
  /** About what a batch takes, in words. */
  private static readonly BATCH_WORDS = Remains.BATCH_SIZE * 32;
  private addresses: number[] = [];
  private keeper: object | undefined;
  private readonly registry = new FinalizationRegistry<number[]>((addresses) => {
    const core = this.core();
    for (const address of addresses) core.scopeRelease(address);
    core.countMemory?.(-Remains.TOLD_BYTES);
  });

  constructor(private readonly core: () => Core) {}

  add(handle: Handle): void {
    if (handle.keeper !== undefined) return;
    this.keeper ??= this.newKeeper();
    handle.keeper = this.keeper;
    this.addresses.push(handle.address);
    if (this.addresses.length < Remains.BATCH_SIZE) return;
    this.registry.register(this.keeper, this.addresses);
    this.core().countMemory?.(Remains.TOLD_BYTES);
    this.addresses = [];
    this.keeper = undefined;
  }

  /**
   * What each handle of a batch refers to. It holds nothing; where nobody can tell the engine what
   * the core takes, it is as large, or handles would gather by the million.
   */
  private newKeeper(): object {
    const isCounted = this.core().countMemory !== undefined;
    return isCounted ? {} : new Array<never>(Remains.BATCH_WORDS);
  }
}
