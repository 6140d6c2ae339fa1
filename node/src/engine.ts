import { isDeclaredAsync } from "./callbacks.js";
import { registries } from "./callables.gen.js";
import { checkFunction } from "./checks.js";
import type { ContextStorage } from "./context.js";
import type { Core } from "./core.gen.js";
import { ABI_HASH, CallableFlags } from "./enums.gen.js";
import type { ScopeflowError } from "./error.js";
import { errorOf } from "./errors.gen.js";
import type { Holding } from "./holding.js";
import { createHost, type Host } from "./host.js";
import { Refs } from "./refs.js";

/**
 * A core with what the host lends to it: the table of references, the context, the finalisers.
 * There is one for each thread of JavaScript; all runtimes of the thread share it.
 */
export class Engine {
  readonly core: Core;
  readonly refs = new Refs();

  private readonly tasks: number[] = [];
  private readonly forgottenScopes = new FinalizationRegistry<number>((address) =>
    this.core.scopeRelease(address),
  );
  private readonly forgottenCalls = new FinalizationRegistry<Holding>((holding) => {
    holding.abandon();
    this.core.scopeRelease(holding.scope);
  });
  private readonly forgottenGuards = new FinalizationRegistry<Holding>((holding) =>
    holding.abandon(),
  );
  private readonly forgottenRuntimes = new FinalizationRegistry<number>((address) =>
    this.core.runtimeFree(address),
  );

  /**
   * @param load Makes the core with the host that it is given.
   * @throws Error if core and binding come from different versions (S6.3).
   */
  constructor(
    load: (host: Host) => Core,
    readonly context: ContextStorage,
  ) {
    this.core = load(createHost(this.refs, () => this.core));
    const hash = this.core.abiHash();
    if (hash !== ABI_HASH) {
      throw new Error(
        `scopeflow: the ${this.core.kind} core ${this.core.version()} was built for the interface ` +
          `${hash}, this package for ${ABI_HASH}; install both from one release`,
      );
    }
  }

  /** Throws the error of a status that is none of the outcomes. */
  check(status: number): void {
    if (status !== 0) throw this.error(status);
  }

  /** The error of a status that the core has just returned. */
  error(status: number): ScopeflowError {
    return errorOf(status, this.core.errorMessage());
  }

  /**
   * Registers a function in one of the registries. The core takes the reference if it succeeds.
   *
   * @param call Calls the core, and gives its status.
   */
  register(
    callable: unknown,
    registry: number,
    call: (ref: number, flags: number) => number,
  ): void {
    checkFunction(callable, registries.get(registry)!.title);
    const flags = isDeclaredAsync(callable) ? CallableFlags.Async : CallableFlags.None;
    const ref = this.refs.lend(callable);
    const status = call(ref, flags);
    if (status === 0) return;
    this.refs.release(ref);
    throw this.error(status);
  }

  /** Memory for a task; give it back with `giveTask`. */
  takeTask(): number {
    return this.tasks.pop() ?? this.core.taskNew();
  }

  giveTask(task: number): void {
    this.tasks.push(task);
  }

  /** Gives a scope's reference back when its handle is garbage (S1.12). */
  watchScope(handle: object, address: number): void {
    this.forgottenScopes.register(handle, address);
  }

  /** The same for the span of a call, which may be garbage before the call has ended. */
  watchCall(span: object, holding: Holding): void {
    this.forgottenCalls.register(span, holding);
  }

  /** Lets a call go whose guard never settles; it has no span yet. */
  watchGuard(operation: object, holding: Holding): void {
    this.forgottenGuards.register(operation, holding);
  }

  watchRuntime(runtime: object, address: number): void {
    this.forgottenRuntimes.register(runtime, address);
  }
}
