import { setPrices, type PriceCatalogue } from "./codec-prices.js";
import type { Propagation } from "./core.gen.js";
import { dispose } from "./dispose.js";
import { Holding } from "./holding.js";
import { ownerHandle, type NativeHandle } from "./native-handle.js";
import { runtimeClose, runtimeFlush } from "./operations.gen.js";
import type { Maybe } from "./positional.js";
import { registrationsOf, type Registration } from "./registrations.js";
import { RuntimeLlms } from "./runtime-llms.js";
import type { ScopeHandle } from "./scope.js";

/**
 * One independent runtime: its registries, its clock, its ids (S6.1). The functions of the module
 * are the methods of a default one.
 *
 * Optional arguments can be given by position, as in the peer's package, or as one object in the
 * place of the first of them.
 */
export class Runtime extends RuntimeLlms {
  /**
   * The runtime for an addon in C, which registers middleware on it; made anew each time. It holds
   * the runtime.
   *
   * @throws InvalidState with the WebAssembly core, into which nobody loads an addon.
   */
  get nativeHandle(): NativeHandle<"runtime"> {
    return ownerHandle(this, "runtime");
  }

  /**
   * A root of its own for this context (S1.3), which becomes current: a new id, no middleware but
   * the runtime's, until some is registered on it. It emits nothing and never ends.
   */
  newRoot(): ScopeHandle {
    const root = this.createRoot();
    this.engine.context.set(root);
    return root;
  }

  /** @internal One that is current nowhere as yet; of what another process has sent, if given. */
  createRoot(propagation?: string): ScopeHandle {
    const address =
      propagation === undefined
        ? this.scopeNewRootAddress()
        : this.propagationAdoptAddress(propagation);
    return this.wrap(address, undefined);
  }

  /**
   * The portable form of what is current, for another process (S1.10): its ids, as JSON and as
   * `traceparent`. `new ScopeStack(runtime, text)` goes on there.
   *
   * @throws InvalidState where no scope is open and nothing was propagated to here.
   */
  capturePropagation(): Propagation {
    return this.propagationCapture(this.scopeIn(this.engine.context.get()));
  }

  /**
   * Ends what is open, the latest opened first, as abandoned, and delivers what is owed (S6.1).
   * From then on what would emit or register throws InvalidState. Closing again does nothing.
   */
  close(): void {
    const holding = new Holding(this.engine);
    const outer = this.engine.serve(this);
    try {
      runtimeClose(this.engine, this.address, holding);
    } catch (error) {
      throw holding.refused(error, outer);
    }
    this.engine.served = outer;
    this.finish(holding, undefined);
  }

  /** `using runtime = new Runtime()` closes it with its block. */
  [dispose](): void {
    this.close();
  }

  /** Delivers what is still owed: the ends of scopes that nobody holds any more (S1.12). */
  flush(): void {
    const holding = new Holding(this.engine);
    const outer = this.engine.serve(this);
    try {
      runtimeFlush(this.engine, this.address, holding);
    } catch (error) {
      throw holding.refused(error, outer);
    }
    this.engine.served = outer;
    this.finish(holding, undefined);
  }

  /** `flush` under the peer's name. */
  async flushSubscribers(): Promise<void> {
    this.flush();
  }

  /**
   * What failed without a caller to be told: the last 8 messages that went to the log, the newest
   * first (S5.7). `clearLastErrors` forgets them.
   */
  lastErrors(): string[] {
    return [...this.told];
  }

  /** Forgets what `lastErrors` gives. */
  clearLastErrors(): void {
    this.told.length = 0;
  }

  /**
   * Says what models cost, for `usage.cost` of the responses that are decoded from now on. Of
   * several catalogues that have a model the first one counts; none at all take the prices away.
   *
   * What the provider says that a response has cost stands, and tokens without a rate give no
   * `total`. No catalogue comes along; `examples/prices.json` is one.
   *
   * @throws InvalidArgument with the path of what is wrong; then the prices stay as they were.
   *
   * @example
   * const rates = { input_per_million: 2.5, output_per_million: 10 };
   * runtime.usePrices({ entries: [{ provider: "a", model_id: "m", rates }] });
   */
  usePrices(...catalogues: PriceCatalogue[]): void {
    setPrices(this, catalogues);
  }

  /**
   * What is registered now on the runtime itself, or on one scope, in the order of registration.
   * What a scope inherits is not among it.
   *
   * @throws InvalidArgument for a scope of another runtime.
   */
  registrations(owner?: Maybe<ScopeHandle>): Registration[] {
    return registrationsOf(this, owner);
  }
}
