import { checkFunction, checkInteger, checkObject, isGiven } from "./checks.js";
import { STEP_KIND, STEP_SCOPE } from "./core.gen.js";
import { deliver } from "./delivery.js";
import { Operation } from "./driver.js";
import {
  EndStatus,
  PopFlags,
  RuntimeFlags,
  ScopeType,
  StepKind,
  type LogLevel,
} from "./enums.gen.js";
import { isCancellation } from "./error.js";
import { InvalidArgument, NotFound } from "./errors.gen.js";
import { checkHeadroom } from "./headroom.js";
import type { Holding } from "./holding.js";
import { installedEngine } from "./installed.js";
import { HeldRuntime } from "./lifetimes.js";
import {
  RuntimeRegistries,
  runtimeNew,
  scopePop,
  scopePush,
  type ScopeReference,
} from "./operations.gen.js";
import { Opened } from "./opened.js";
import type { PushOptions, RuntimeOptions } from "./options.js";
import type { Runtime } from "./runtime.js";
import { parentAddress, ScopeHandle, type PopOptions } from "./scope.js";
import { nanoseconds } from "./time.js";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** How many messages of the log are kept. */
const TOLD_LIMIT = 8;

/**
 * What all that a runtime does is made of: how operations begin and end, where handles are, and
 * what is current. `Runtime` is the only class that is made of it.
 */
export abstract class RuntimeCore extends RuntimeRegistries {
  private readonly logger: NonNullable<RuntimeOptions["log"]>;
  protected readonly told: string[] = [];
  private rootHandle: ScopeHandle | undefined;
  /** Handles whose uuid was read: only those can be referred to by it. */
  private readonly byUuid = new Map<string, WeakRef<ScopeHandle>>();
  private sweepAt = 64;

  /** @throws InvalidArgument that names the option which is wrong. */
  constructor(options: RuntimeOptions = {}) {
    checkObject(options, "options");
    const { deterministic, canonical, log, ...rest } = options;
    if (isGiven(log)) checkFunction(log, "log");
    const engine = installedEngine();
    const flags =
      (deterministic ? RuntimeFlags.Deterministic : RuntimeFlags.None) |
      (canonical ? RuntimeFlags.Canonical : RuntimeFlags.None);
    super(engine, runtimeNew(engine, { ...rest, flags }));
    // Looked up at each call, so that a test runner's replacement of the console is seen.
    this.logger = log ?? ((message) => console.error(message));
    engine.watch.add(this, new HeldRuntime(engine.core, this.address));
  }

  /** @internal This, as what it is in the end. */
  protected get self(): Runtime {
    return this as unknown as Runtime;
  }

  /** @internal Tells of a failure that has no caller. That the telling fails has none either. */
  log(level: LogLevel, message: string, error: unknown): void {
    this.told.unshift(message);
    this.told.length = Math.min(this.told.length, TOLD_LIMIT);
    try {
      this.logger(`scopeflow: ${message}`, error, level);
    } catch {
      // S4.4: observability that fails never fails a call.
    }
  }

  /** @internal @param hasError Whether there is one; what is thrown may be null or undefined. */
  end(scope: ScopeHandle, options: PopOptions, hasError = isGiven(options.error)): void {
    const { engine } = this;
    const current = engine.context.get();
    const holding = engine.takeHolding();
    const outer = this.engine.serve(this);
    try {
      scopePop(
        engine,
        scope.address,
        this.addressIn(current),
        options.flags ?? PopFlags.None,
        holding.lend(options.output),
        holding.lend(options.metadata),
        options.status ?? EndStatus.Unset,
        hasError ? holding.lendAny(options.error) : 0,
        nanoseconds(options.timestamp),
        holding,
      );
    } catch (error) {
      throw holding.refused(error, outer);
    }
    this.engine.served = outer;
    // Before anybody hears of it: a subscriber must not find the ended scope current (ADR 0011).
    this.leave(scope, current);
    try {
      this.finish(holding, scope);
    } finally {
      if (!scope.isSpan) engine.bury(scope);
    }
  }

  /** @internal The nearest open scope of this runtime from a context's value upwards (S1.5). */
  nearestOpen(value: ScopeHandle | undefined): ScopeHandle {
    const { self } = this;
    let scope = value;
    while (scope !== undefined && (scope.runtime !== self || !scope.isOpen())) scope = scope.opener;
    return scope ?? this.root();
  }

  /** @internal */
  noteUuid(uuid: string, handle: ScopeHandle): void {
    if (this.byUuid.has(uuid)) return;
    if (this.byUuid.size >= this.sweepAt) {
      for (const [key, held] of this.byUuid) if (!held.deref()) this.byUuid.delete(key);
      this.sweepAt = Math.max(64, this.byUuid.size * 2);
    }
    this.byUuid.set(uuid, new WeakRef(handle));
  }

  protected override scopeOf(reference: ScopeReference): ScopeHandle {
    if (reference instanceof ScopeHandle) return reference;
    if (typeof reference !== "string") {
      throw new InvalidArgument("scope must be a scope handle or the uuid of one");
    }
    if (!UUID.test(reference)) throw new InvalidArgument(`scope: invalid UUID ${reference}`);
    const handle = this.byUuid.get(reference)?.deref();
    if (!handle) throw new NotFound(`no handle is held of a scope with the uuid ${reference}`);
    return handle;
  }

  /** @internal Opens a scope, which becomes current nowhere. */
  open(name: string, scopeType: ScopeType, options: PushOptions): ScopeHandle {
    const { engine } = this;
    checkHeadroom(engine);
    checkInteger(scopeType, "scopeType");
    if (ScopeType[scopeType] === undefined) {
      throw new InvalidArgument(`scopeType is ${scopeType}, which is no scope type`);
    }
    const current = engine.context.get();
    const holding = engine.takeHolding();
    const outer = this.engine.serve(this);
    try {
      scopePush(
        engine,
        this.address,
        this.addressIn(current),
        name,
        scopeType,
        parentAddress(options.parent),
        options.attributes ?? 0,
        options.subtype ?? undefined,
        holding.give(options.metadata),
        holding.lend(options.input),
        nanoseconds(options.timestamp),
        holding,
      );
    } catch (error) {
      throw holding.refused(error, outer);
    }
    this.engine.served = outer;
    const address = this.finish(holding, current);
    const { data = null, metadata = null, subtype } = options;
    const ofCustom = scopeType === ScopeType.Custom ? subtype || name : "";
    const opened = new Opened(name, scopeType, ofCustom);
    const scope = new ScopeHandle(this.self, address, current, data, metadata, opened);
    engine.watch.add(scope);
    return scope;
  }

  /** @internal A handle for a scope of which the core has handed a reference over. */
  wrap(address: number, opener: ScopeHandle | undefined): ScopeHandle;
  /** @internal With what stays on it, as a handle of the class that its kind of work has. */
  wrap<Made extends ScopeHandle>(
    address: number,
    opener: ScopeHandle | undefined,
    data: unknown,
    metadata: unknown,
    made: new (...given: ConstructorParameters<typeof ScopeHandle>) => Made,
  ): Made;
  wrap(
    address: number,
    opener: ScopeHandle | undefined,
    data: unknown = null,
    metadata: unknown = null,
    Made = ScopeHandle,
  ): ScopeHandle {
    const handle = new Made(this.self, address, opener, data ?? null, metadata ?? null);
    this.engine.watch.add(handle);
    return handle;
  }

  /** @internal A handle for a scope that the core has lent, at or above `near` if it is there. */
  handleOf(address: number, near: ScopeHandle | undefined): ScopeHandle {
    let scope = near;
    while (scope !== undefined && !scope.isAt(address)) scope = scope.opener;
    if (scope !== undefined) return scope;
    if (this.root().isAt(address)) return this.root();
    this.engine.core.scopeRetain(address);
    return this.wrap(address, undefined);
  }

  /**
   * @internal Does the steps of an operation that has begun and runs no function but middleware's.
   * Mostly they are events for subscribers at most, for which an `Operation` would cost as much
   * as all the rest.
   *
   * @returns The address of the scope that it made, if it makes one.
   */
  finish(holding: Holding, current: ScopeHandle | undefined): number {
    const { core } = this.engine;
    try {
      while (core.slots[STEP_KIND] === StepKind.Deliver) deliver(this.self, holding);
    } catch (error) {
      holding.forget();
      throw error;
    }
    if (core.slots[STEP_KIND] === StepKind.Done) {
      const address = core.slots[STEP_SCOPE]!;
      holding.rest();
      return address;
    }
    const operation = new Operation(this.self, current, undefined, undefined, holding);
    operation.run();
    return operation.scope;
  }

  /** @internal The address of the current scope of this runtime, ended or not; 0 is the root. */
  addressIn(value: ScopeHandle | undefined): number {
    return this.scopeIn(value)?.address ?? 0;
  }

  /** @internal */
  scopeIn(value: ScopeHandle | undefined): ScopeHandle | undefined {
    let scope = value;
    while (scope !== undefined && scope.runtime !== this.self) scope = scope.opener;
    return scope;
  }

  /**
   * S1.5: if the ended scope is still what the context holds, the nearest one in force takes its
   * place: an ended scope that carries a guard stays, so that nothing escapes it (S1.4).
   * The way up crosses scopes of other runtimes, since a context has one value for all.
   */
  private leave(ended: ScopeHandle, current: ScopeHandle | undefined): void {
    // The span of a call belongs to the call, which sees to it itself.
    if (!ended.isSpan) this.engine.watch.remove(ended);
    if (current === ended) this.engine.context.set(this.nearestInForce(ended.opener));
  }

  /** @internal From a context's value upwards; nothing where only the root is left (ADR 0011). */
  nearestInForce(value: ScopeHandle | undefined): ScopeHandle | undefined {
    let scope = value;
    while (scope !== undefined && !scope.isInForce()) scope = scope.opener;
    return scope;
  }

  /** The implicit root: what is current in a context in which nothing was opened (S1.3). */
  root(): ScopeHandle {
    if (this.rootHandle === undefined) {
      const address = this.rootAddress();
      this.rootHandle = new ScopeHandle(this.self, address, undefined);
      this.engine.watch.add(this.rootHandle);
    }
    return this.rootHandle;
  }
}

/** @internal Ends a scope with what was thrown inside, if it is still open. */
export function closeFailed(scope: ScopeHandle, error: unknown): void {
  const status = isCancellation(error) ? EndStatus.Cancelled : EndStatus.Error;
  scope.runtime.end(scope, { status, error, flags: PopFlags.Close }, true);
}

/** @internal Ends a scope whose work is done. */
export function closeDone(scope: ScopeHandle): void {
  scope.close({ status: EndStatus.Ok, output: scope.output });
}
