import {
  beginHelper,
  beginLlm,
  beginStream,
  beginTool,
  endLlm,
  endTool,
  manualLlm,
  manualTool,
} from "./calls.js";
import { checkFunction } from "./checks.js";
import type { Propagation } from "./core.gen.js";
import { Operation } from "./driver.js";
import { CallFlags, EndStatus, PopFlags, RuntimeFlags, ScopeType } from "./enums.gen.js";
import { isCancellation } from "./error.js";
import { InvalidArgument, NotFound } from "./errors.gen.js";
import { installedEngine } from "./installed.js";
import type { LlmRequest } from "./intercepts.js";
import { HeldRuntime, HeldScope } from "./lifetimes.js";
import {
  RuntimeRegistries,
  llmConditionalExecution,
  llmRequestIntercepts,
  runtimeClose,
  runtimeFlush,
  runtimeNew,
  scopeEvent,
  scopePop,
  scopePush,
  toolConditionalExecution,
  toolRequestIntercepts,
  type ScopeReference,
} from "./operations.gen.js";
import type {
  EventOptions,
  LlmBeginOptions,
  LlmCallOptions,
  LlmEndOptions,
  LlmStreamOptions,
  PushOptions,
  RuntimeOptions,
  ToolBeginOptions,
  ToolCallOptions,
  ToolEndOptions,
} from "./options.js";
import { parentAddress, ScopeHandle, type PopOptions } from "./scope.js";
import type { LlmStream, SyncLlmStream } from "./stream.js";
import { ownerHandle, type NativeHandle } from "./native-handle.js";
import { nanoseconds, type Timestamp } from "./time.js";

type Maybe<T> = T | null | undefined;

/**
 * One independent runtime: its registries, its clock, its ids (S6.1). The functions of the module
 * are the methods of a default one.
 *
 * Optional arguments can be given by position, as in the peer's package, or as one object in the
 * place of the first of them.
 */
export class Runtime extends RuntimeRegistries {
  private readonly logger: (message: string, error: unknown) => void;
  private rootHandle: ScopeHandle | undefined;
  /** Handles whose uuid was read: only those can be referred to by it. */
  private readonly byUuid = new Map<string, WeakRef<ScopeHandle>>();
  private sweepAt = 64;

  constructor(options: RuntimeOptions = {}) {
    const { deterministic, canonical, log, ...rest } = options;
    const engine = installedEngine();
    const flags =
      (deterministic ? RuntimeFlags.Deterministic : RuntimeFlags.None) |
      (canonical ? RuntimeFlags.Canonical : RuntimeFlags.None);
    super(engine, runtimeNew(engine, { ...rest, flags }));
    // Looked up at each call, so that a test runner's replacement of the console is seen.
    this.logger = log ?? ((message, error) => console.error(message, error));
    engine.watch(this, new HeldRuntime(engine.core, this.address));
  }

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
    const options = isOptions(handle)
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
    const options = isOptions(handle)
      ? handle
      : { parent: handle, attributes, data, metadata, input };
    const scope = this.open(name, scopeType, options);
    let result: R;
    try {
      result = await this.engine.context.run(scope, callback, scope);
    } catch (error) {
      const status = isCancellation(error) ? EndStatus.Cancelled : EndStatus.Error;
      scope.close({ status, error });
      throw error;
    }
    scope.close({ status: EndStatus.Ok });
    return result;
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
  ): void {
    const options: EventOptions = isOptions(handle)
      ? handle
      : { parent: handle, data, metadata, timestamp };
    const current = this.engine.context.get();
    const operation = new Operation(this, current);
    const { holding } = operation;
    this.begin(operation, undefined, () =>
      scopeEvent(
        this.engine,
        this.address,
        this.addressIn(current),
        name,
        parentAddress(options.parent),
        holding.lend(options.data),
        holding.lend(options.metadata),
        options.category ?? undefined,
        holding.lend(options.categoryProfile),
        holding.lend(options.dataSchema),
        nanoseconds(options.timestamp),
        holding.task,
      ),
    );
    operation.run();
  }

  /** The nearest open scope of this context, from the current one upwards; the root at last. */
  getHandle(): ScopeHandle {
    return this.nearestOpen(this.engine.context.get());
  }

  /**
   * Runs a tool under management: guards, request intercepts, start event, execution intercepts
   * around the function, end event (S4.1). The promise gives the function's own result, or its own
   * error, untouched.
   *
   * @param args What the guards see and the function gets.
   * @param func Runs with the call's own span as the current scope (S4.6). May return a promise.
   * @returns Rejected with GuardrailRejected if a guard refuses, and with what middleware or the
   *   function throws.
   */
  toolCallExecute<A, R>(
    name: string,
    args: A,
    func: (args: A) => R | PromiseLike<R>,
    handle?: Maybe<ScopeHandle | ToolCallOptions>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    toolCallId?: Maybe<string>,
  ): Promise<R> {
    const options = isOptions(handle)
      ? handle
      : { parent: handle, attributes, data, metadata, toolCallId };
    return promised(() => beginTool(this, name, args, func, options, CallFlags.None));
  }

  /** The same for a function that returns no promise. Refuses middleware that is declared async. */
  toolCallExecuteSync<A, R>(
    name: string,
    args: A,
    func: (args: A) => R,
    options: ToolCallOptions = {},
  ): R {
    return beginTool(this, name, args, func, options, CallFlags.Sync).run() as R;
  }

  /** Runs only the request intercepts of a tool; gives the request that comes out (S4.9). */
  toolRequestIntercepts(name: string, args: unknown): Promise<any> {
    return promised(() => beginHelper(this, toolRequestIntercepts, name, args, CallFlags.None));
  }

  /** The same at once. Refuses intercepts that are declared async. */
  toolRequestInterceptsSync(name: string, args: unknown): any {
    return beginHelper(this, toolRequestIntercepts, name, args, CallFlags.Sync).run();
  }

  /** Runs only the guards of a tool (S4.9). Rejected with GuardrailRejected if one refuses. */
  toolConditionalExecution(name: string, args: unknown): Promise<void> {
    return promised(() => beginHelper(this, toolConditionalExecution, name, args, CallFlags.None));
  }

  /** The same at once. Refuses guards that are declared async. */
  toolConditionalExecutionSync(name: string, args: unknown): void {
    beginHelper(this, toolConditionalExecution, name, args, CallFlags.Sync).run();
  }

  /**
   * Begins a tool call that the application runs by itself (S4.8). It does not become current.
   * What is given by position stands as in the peer's package.
   */
  toolCall(
    name: string,
    args: unknown,
    handle?: Maybe<ScopeHandle | ToolBeginOptions>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    toolCallId?: Maybe<string>,
    timestamp?: Maybe<Timestamp>,
  ): ScopeHandle {
    const options: ToolBeginOptions & { data?: unknown } = isOptions(handle)
      ? handle
      : { parent: handle, attributes, data, metadata, toolCallId, timestamp };
    return manualTool(this, name, args, options);
  }

  /** Ends a call that `toolCall` began, with its response or its error. */
  toolCallEnd(handle: ScopeHandle, response?: unknown, options: ToolEndOptions = {}): void {
    endTool(this, handle, response, options);
  }

  /**
   * Runs a call of a language model under management, like that of a tool (S4.1).
   *
   * @param request An object of the members `headers` and `content`.
   */
  llmCallExecute<R>(
    name: string,
    request: LlmRequest,
    func: (request: LlmRequest) => R | PromiseLike<R>,
    options: LlmCallOptions = {},
  ): Promise<R> {
    return promised(() => beginLlm(this, name, request, func, options, CallFlags.None));
  }

  /** The same for a function that returns no promise. Refuses middleware that is declared async. */
  llmCallExecuteSync<R>(
    name: string,
    request: LlmRequest,
    func: (request: LlmRequest) => R,
    options: LlmCallOptions = {},
  ): R {
    return beginLlm(this, name, request, func, options, CallFlags.Sync).run() as R;
  }

  /**
   * Runs a call that answers in chunks (S4.7). The promise gives the stream when the producer has
   * been called; what that throws is the promise's error.
   *
   * @param func Gives an async iterable, an iterable, or a promise of one.
   */
  llmStreamCallExecute(
    name: string,
    request: LlmRequest,
    func: (request: LlmRequest) => unknown,
    options: LlmStreamOptions = {},
  ): Promise<LlmStream> {
    return promised(() => beginStream(this, name, request, func, options, CallFlags.None));
  }

  /** The same for a function that gives an iterable. Refuses middleware that is declared async. */
  llmStreamCallExecuteSync(
    name: string,
    request: LlmRequest,
    func: (request: LlmRequest) => unknown,
    options: LlmStreamOptions = {},
  ): SyncLlmStream {
    return beginStream(this, name, request, func, options, CallFlags.Sync).run() as SyncLlmStream;
  }

  /** Runs only the request intercepts of an LLM call; gives the request that comes out (S4.9). */
  llmRequestIntercepts(name: string, request: LlmRequest): Promise<any> {
    return promised(() => beginHelper(this, llmRequestIntercepts, name, request, CallFlags.None));
  }

  /** The same at once. Refuses intercepts that are declared async. */
  llmRequestInterceptsSync(name: string, request: LlmRequest): any {
    return beginHelper(this, llmRequestIntercepts, name, request, CallFlags.Sync).run();
  }

  /** Runs only the guards of an LLM call (S4.9). Rejected with GuardrailRejected if one refuses. */
  llmConditionalExecution(name: string, request: LlmRequest): Promise<void> {
    const begin = llmConditionalExecution;
    return promised(() => beginHelper(this, begin, name, request, CallFlags.None));
  }

  /** The same at once. Refuses guards that are declared async. */
  llmConditionalExecutionSync(name: string, request: LlmRequest): void {
    beginHelper(this, llmConditionalExecution, name, request, CallFlags.Sync).run();
  }

  /** Begins an LLM call that the application runs by itself (S4.8). It does not become current. */
  llmCall(name: string, request: LlmRequest, options: LlmBeginOptions = {}): ScopeHandle {
    return manualLlm(this, name, request, options);
  }

  /** Ends a call that `llmCall` began, with its response or its error. */
  llmCallEnd(handle: ScopeHandle, response?: unknown, options: LlmEndOptions = {}): void {
    endLlm(this, handle, response, options);
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
    const operation = new Operation(this, undefined);
    this.begin(operation, undefined, () =>
      runtimeClose(this.engine, this.address, operation.holding.task),
    );
    operation.run();
  }

  /** Delivers what is still owed: the ends of scopes that nobody holds any more (S1.12). */
  flush(): void {
    const operation = new Operation(this, undefined);
    this.begin(operation, undefined, () =>
      runtimeFlush(this.engine, this.address, operation.holding.task),
    );
    operation.run();
  }

  /** `flush` under the peer's name. */
  async flushSubscribers(): Promise<void> {
    this.flush();
  }

  /** @internal Tells of a failure that has no caller. That the telling fails has none either. */
  log(message: string, error: unknown): void {
    try {
      this.logger(message, error);
    } catch {
      // S4.4: observability that fails never fails a call.
    }
  }

  /** @internal */
  end(scope: ScopeHandle, options: PopOptions): void {
    const { engine } = this;
    const operation = new Operation(this, scope);
    const { holding } = operation;
    this.begin(operation, undefined, () =>
      scopePop(
        engine,
        scope.address,
        this.addressIn(engine.context.get()),
        options.flags ?? PopFlags.None,
        holding.lend(options.output),
        holding.lend(options.metadata),
        options.status ?? EndStatus.Unset,
        holding.lend(options.error),
        nanoseconds(options.timestamp),
        holding.task,
      ),
    );
    // Before anybody hears of it: a subscriber must not find the ended scope current (ADR 0011).
    if (!scope.isOpen()) this.leave(scope);
    operation.run();
  }

  /** @internal The nearest open scope of this runtime from a context's value upwards (S1.5). */
  nearestOpen(value: ScopeHandle | undefined): ScopeHandle {
    let scope = value;
    while (scope !== undefined && (scope.runtime !== this || !scope.isOpen())) scope = scope.opener;
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
    const handle = this.byUuid.get(reference)?.deref();
    if (!handle) throw new NotFound(`no handle is held of a scope with the uuid ${reference}`);
    return handle;
  }

  private open(name: string, scopeType: ScopeType, options: PushOptions): ScopeHandle {
    const { engine } = this;
    const current = engine.context.get();
    const operation = new Operation(this, current);
    const { holding } = operation;
    this.begin(operation, options.metadata, (metadata) =>
      scopePush(
        engine,
        this.address,
        this.addressIn(current),
        name,
        scopeType,
        parentAddress(options.parent),
        options.attributes ?? 0,
        options.subtype ?? undefined,
        metadata,
        holding.lend(options.input),
        nanoseconds(options.timestamp),
        holding.task,
      ),
    );
    operation.run();
    return this.wrap(operation.scope, current, options.data, options.metadata);
  }

  /** @internal A handle for a scope of which the core has handed a reference over. */
  wrap(address: number, opener: ScopeHandle | undefined, data?: unknown, metadata?: unknown) {
    const handle = new ScopeHandle(this, address, opener, data ?? null, metadata ?? null);
    this.engine.watch(handle, new HeldScope(this.engine.core, address));
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
   * @internal Begins an operation. The core takes the metadata if it succeeds; if it fails,
   * everything that was lent comes back (S7.3).
   */
  begin(operation: Operation, metadata: unknown, call: (metadata: number) => void): void {
    const { refs } = this.engine;
    const ref = metadata === undefined || metadata === null ? 0 : refs.lend(metadata);
    try {
      call(ref);
    } catch (error) {
      refs.release(ref);
      operation.holding.end();
      throw error;
    }
  }

  /** @internal The address of the current scope of this runtime, ended or not; 0 is the root. */
  addressIn(value: ScopeHandle | undefined): number {
    return this.scopeIn(value)?.address ?? 0;
  }

  private scopeIn(value: ScopeHandle | undefined): ScopeHandle | undefined {
    let scope = value;
    while (scope !== undefined && scope.runtime !== this) scope = scope.opener;
    return scope;
  }

  /**
   * S1.5: if the ended scope is still what the context holds, the nearest one in force takes its
   * place: an ended scope that carries a guard stays, so that nothing escapes it (S1.4).
   * The way up crosses scopes of other runtimes, since a context has one value for all.
   */
  private leave(ended: ScopeHandle): void {
    const { context } = this.engine;
    // The span of a call belongs to the call, which sees to it itself.
    if (!ended.isSpan) {
      this.engine.unwatch(ended);
      this.engine.bury(ended);
    }
    if (context.get() === ended) context.set(this.nearestInForce(ended.opener));
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
      this.rootHandle = new ScopeHandle(this, address, undefined);
      this.engine.watch(this.rootHandle, new HeldScope(this.engine.core, address));
    }
    return this.rootHandle;
  }
}

function isOptions<T extends object>(given: Maybe<ScopeHandle | T>): given is T {
  return typeof given === "object" && given !== null && !(given instanceof ScopeHandle);
}

/** A failure before the first step is the promise's, too. */
function promised<R>(begin: () => Operation): Promise<R> {
  try {
    return begin().runAsync() as Promise<R>;
  } catch (error) {
    return Promise.reject(error);
  }
}
