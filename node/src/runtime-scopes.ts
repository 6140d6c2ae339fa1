import { disown, isThenable } from "./callbacks.js";
import { checkFunction, checkObject, isGiven } from "./checks.js";
import type { ScopeType } from "./enums.gen.js";
import { InvalidArgument, InvalidState } from "./errors.gen.js";
import { checkHeadroom } from "./headroom.js";
import { scopeEvent } from "./operations.gen.js";
import type { EventOptions, PushOptions } from "./options.js";
import { isOptions, type Maybe } from "./positional.js";
import { closeDone, closeFailed, RuntimeCore } from "./runtime-core.js";
import { parentAddress, ScopeHandle } from "./scope.js";
import { withSeverity, type LogSeverity } from "./severity.js";
import { nanoseconds, type Timestamp } from "./time.js";

/** The part of `Runtime` that opens and ends scopes, and emits marks. */
export abstract class RuntimeScopes extends RuntimeCore {
  /**
   * Opens a scope under the current one, emits its start event and makes it current.
   *
   * It stays current until it is ended: for the rest of the running function, of what that awaits
   * and starts, and, before its first `await`, of its caller. Branches that run at once open theirs
   * with `withScope`.
   *
   * @throws InvalidArgument, InvalidState, LimitExceeded, NoMemory.
   */
  pushScope(
    name: string,
    scopeType: ScopeType,
    handle?: Maybe<ScopeHandle | PushOptions>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    input?: unknown,
    timestamp?: Maybe<Timestamp>,
  ): ScopeHandle {
    const options = isOptions<PushOptions>(handle)
      ? handle
      : { parent: handle, attributes, data, metadata, input, timestamp };
    const scope = this.open(name, scopeType, options);
    this.engine.context.set(scope);
    return scope;
  }

  /** Ends a scope and emits its end event; `handle.pop` takes a status and an error, too. */
  popScope(
    handle: ScopeHandle,
    output?: unknown,
    timestamp?: Maybe<Timestamp>,
    metadata?: unknown,
  ): void {
    if (!(handle instanceof ScopeHandle))
      throw new InvalidArgument("handle must be a scope handle");
    handle.pop({ output, timestamp, metadata });
  }

  /**
   * Opens a scope, runs a function in it, and ends it when the function has ended: with status ok,
   * or with the error that it threw, which goes on to the caller (S2.4).
   *
   * @param callback Gets the handle; what it puts in `handle.output` is the end event's data. May
   *   return a promise; only inside it and what it starts the scope is the current one.
   * @param handle An open scope to be the parent, or an object of all options.
   * @returns What the callback returned. Rejected with what it threw, or with InvalidArgument for a
   *   wrong argument, before the callback is called.
   * @example
   * await withScope("planner", ScopeType.Agent, async (planner) => {
   *   planner.output = await plan();
   * }, { input: { goal: "tea" } });
   */
  async withScope<R>(
    name: string,
    scopeType: ScopeType,
    callback: (handle: ScopeHandle) => R | PromiseLike<R>,
    handle?: Maybe<ScopeHandle | PushOptions>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    input?: unknown,
  ): Promise<R> {
    checkFunction(callback, "callback");
    const options = isOptions<PushOptions>(handle)
      ? handle
      : { parent: handle, attributes, data, metadata, input };
    const scope = this.open(name, scopeType, options);
    let result: R;
    try {
      result = await this.runIn(scope, callback);
    } catch (error) {
      closeFailed(scope, error);
      throw error;
    }
    closeDone(scope);
    return result;
  }

  /**
   * The same for a function that returns no promise, at once.
   *
   * @param options As of `pushScope`.
   * @throws What the callback throws; InvalidState if it returns a promise, whose work the scope
   *   would not last for.
   */
  withScopeSync<R>(
    name: string,
    scopeType: ScopeType,
    callback: (handle: ScopeHandle) => R,
    options: PushOptions = {},
  ): R {
    checkFunction(callback, "callback");
    const scope = this.open(name, scopeType, options);
    let result: R;
    try {
      result = this.runIn(scope, callback);
      if (isThenable(result)) {
        disown(result);
        throw new InvalidState("a promise was returned in a scope that cannot wait: withScope can");
      }
    } catch (error) {
      closeFailed(scope, error);
      throw error;
    }
    closeDone(scope);
    return result;
  }

  private runIn<R>(scope: ScopeHandle, callback: (handle: ScopeHandle) => R): R {
    const { engine } = this;
    const { nesting } = engine;
    engine.nesting = nesting + 1;
    try {
      return engine.context.run(scope, callback, scope);
    } finally {
      engine.nesting = nesting;
    }
  }

  /**
   * Emits a mark under the current scope.
   *
   * @throws InvalidArgument, LimitExceeded, NoMemory.
   */
  event(
    name: string,
    handle?: Maybe<ScopeHandle | EventOptions>,
    data?: unknown,
    metadata?: unknown,
    timestamp?: Maybe<Timestamp>,
    dataSchema?: Maybe<object>,
    severity?: Maybe<LogSeverity>,
  ): void {
    const options: EventOptions = isOptions<EventOptions>(handle)
      ? handle
      : { parent: handle, data, metadata, timestamp, dataSchema, severity };
    const { categoryProfile, dataSchema: schema } = options;
    if (isGiven(categoryProfile)) checkObject(categoryProfile, "categoryProfile");
    if (isGiven(schema)) checkObject(schema, "dataSchema");
    const marked = withSeverity(options.metadata, options.severity);
    checkHeadroom(this.engine);
    const current = this.engine.context.get();
    const holding = this.engine.takeHolding();
    const outer = this.engine.serve(this);
    try {
      scopeEvent(
        this.engine,
        this.address,
        this.addressIn(current),
        name,
        parentAddress(options.parent),
        holding.lend(options.data),
        holding.lend(marked),
        options.category ?? undefined,
        holding.lend(categoryProfile),
        holding.lend(schema),
        nanoseconds(options.timestamp),
        holding,
      );
    } catch (error) {
      throw holding.refused(error, outer);
    }
    this.engine.served = outer;
    this.finish(holding, current);
  }

  /** The nearest open scope of this context, from the current one upwards; the root at last. */
  getHandle(): ScopeHandle {
    return this.nearestOpen(this.engine.context.get());
  }
}
