import { isDeclaredAsync } from "./callbacks.js";
import { registries } from "./callables.gen.js";
import { checkBoolean, checkFunction } from "./checks.js";
import type { ContextStorage } from "./context.js";
import type { Core } from "./core.gen.js";
import { CallableFlags, type LogLevel } from "./enums.gen.js";
import type { ScopeflowError } from "./error.js";
import { Holding } from "./holding.js";
import { createHost, type Host } from "./host.js";
import { Remains } from "./lifetimes.js";
import { PendingStep } from "./pending-step.js";
import { Refs } from "./refs.js";
import type { ScopeHandle } from "./scope.js";
import type { Files } from "./sink.js";
import { errorOf } from "./status.gen.js";
import { Watch } from "./watch.js";

/** Who is told what the core logs. */
export interface Served {
  log(level: LogLevel, message: string, error: unknown): void;
}

/**
 * A core with what the host lends to it: the table of references, the context, the finalisers.
 * There is one for each thread of JavaScript; all runtimes of the thread share it.
 */
export class Engine {
  readonly core: Core;
  readonly refs = new Refs();

  /** The runtime that the core was asked for last, for what it may have to say (S5.7). */
  served: Served | undefined;
  /** Why the core is not the native one, where that was looked for. */
  fallbackReason: string | undefined;
  /** How many of the application's functions run, each called by an operation within the last. */
  nesting = 0;
  /** The error that the core was answered last. */
  failure: unknown;

  /** What is open and must not be forgotten when all that refers to it is garbage. */
  readonly watch = new Watch();
  private readonly steps: PendingStep[] = [];
  /** Mostly one operation runs at a time: it has what the last one had. */
  private spareHolding: Holding | undefined;
  private readonly remains = new Remains(() => this.core);

  /**
   * @param load Makes the core with the host that it is given, and checks it.
   * @param files Files, where the host has them.
   */
  constructor(
    load: (host: Host) => Core,
    readonly context: ContextStorage,
    readonly files?: Files,
  ) {
    const log = (level: LogLevel, message: string) => this.log(level, message);
    this.core = load(createHost(this.refs, () => this.core, log));
  }

  /** What the core says while it does something for a runtime is that runtime's affair. */
  private log(level: LogLevel, message: string): void {
    if (this.served !== undefined) this.served.log(level, message, this.failure);
    else console.error(`scopeflow: ${message}`);
  }

  /** Lets a runtime hear what the core says from now on. @returns Who has heard it. */
  serve(runtime: Served): Served | undefined {
    const outer = this.served;
    this.served = runtime;
    return outer;
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
    this.registerWith(callable, registry, CallableFlags.None, call);
  }

  /** The same for a request intercept. @param breakChain Once it succeeded, no later one runs. */
  registerIntercept(
    callable: unknown,
    registry: number,
    breakChain: boolean,
    call: (ref: number, flags: number) => number,
  ): void {
    checkBoolean(breakChain, "breakChain");
    const flags = breakChain ? CallableFlags.BreakChain : CallableFlags.None;
    this.registerWith(callable, registry, flags, call);
  }

  private registerWith(
    callable: unknown,
    registry: number,
    known: number,
    call: (ref: number, flags: number) => number,
  ): void {
    checkFunction(callable, registries.get(registry)!.title);
    const flags = isDeclaredAsync(callable) ? known | CallableFlags.Async : known;
    const ref = this.refs.lend(callable);
    const status = call(ref, flags);
    if (status === 0) return;
    this.refs.release(ref);
    throw this.error(status);
  }

  /** For an operation that runs no function but middleware's. It may give it back. */
  takeHolding(): Holding {
    const holding = this.spareHolding ?? new Holding(this);
    this.spareHolding = undefined;
    return holding;
  }

  giveHolding(holding: Holding): void {
    if (this.spareHolding === undefined) this.spareHolding = holding;
    else this.giveStep(holding.step);
  }

  /** Memory for a task and its steps; give it back with `giveStep`. */
  takeStep(): PendingStep {
    return this.steps.pop() ?? new PendingStep(this.core);
  }

  giveStep(step: PendingStep): void {
    this.steps.push(step);
  }

  /** An ended scope, to which a context may refer for long (S1.5). */
  bury(handle: ScopeHandle): void {
    if (handle.keeper === undefined && !handle.retire()) this.keep(handle);
  }

  /** Keeps an ended scope in the core as long as anything refers to the handle. */
  keep(handle: ScopeHandle): void {
    this.remains.add(handle);
  }
}
