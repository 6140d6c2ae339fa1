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
import { disown, isThenable } from "./callbacks.js";
import { checkFunction } from "./checks.js";
import { STEP_KIND, STEP_SCOPE, type Propagation } from "./core.gen.js";
import { dispose } from "./dispose.js";
import { Operation } from "./driver.js";
import {
  CallFlags,
  EndStatus,
  PopFlags,
  RuntimeFlags,
  ScopeType,
  StepKind,
  type LogLevel,
} from "./enums.gen.js";
import { isCancellation } from "./error.js";
import { InvalidArgument, InvalidState, NotFound } from "./errors.gen.js";
import type { LlmHandle, ToolHandle } from "./handles.js";
import { checkHeadroom } from "./headroom.js";
import { Holding } from "./holding.js";
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
import {
  codecOf,
  endOptions,
  isOptions,
  responseCodecOf,
  type CodecDecode,
  type CodecEncode,
  type Maybe,
} from "./positional.js";
import { pushing } from "./pushed.js";
import { registrationsOf, type Registration } from "./registrations.js";
import { parentAddress, ScopeHandle, type PopOptions } from "./scope.js";
import { withSeverity, type LogSeverity } from "./severity.js";
import type { LlmStream, SyncLlmStream } from "./stream.js";
import { ownerHandle, type NativeHandle } from "./native-handle.js";
import { nanoseconds, type Timestamp } from "./time.js";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** How many messages of the log are kept. */
const TOLD_LIMIT = 8;

/** What a model is called whose guards are asked without a name. */
const UNNAMED_LLM = "llm";

/**
 * One independent runtime: its registries, its clock, its ids (S6.1). The functions of the module
 * are the methods of a default one.
 *
 * Optional arguments can be given by position, as in the peer's package, or as one object in the
 * place of the first of them.
 */
export class Runtime extends RuntimeRegistries {
  private readonly logger: NonNullable<RuntimeOptions["log"]>;
  private readonly told: string[] = [];
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
    this.logger = log ?? ((message) => console.error(message));
    engine.watch.add(this, new HeldRuntime(engine.core, this.address));
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
    const marked = withSeverity(options.metadata, options.severity);
    checkHeadroom(this.engine);
    const current = this.engine.context.get();
    const holding = new Holding(this.engine);
    this.begin(holding, undefined, () =>
      scopeEvent(
        this.engine,
        this.address,
        this.addressIn(current),
        name,
        parentAddress(options.parent),
        holding.lend(options.data),
        holding.lend(marked),
        options.category ?? undefined,
        holding.lend(options.categoryProfile),
        holding.lend(options.dataSchema),
        nanoseconds(options.timestamp),
        holding.task,
      ),
    );
    this.finish(holding, current);
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
   * @param func Runs with the call's own span as the current scope (S4.6). May return a promise. If
   *   it takes a second argument, that is an AbortSignal: see `ToolCallOptions.signal`.
   * @returns Rejected with GuardrailRejected if a guard refuses, with the reason of a signal that
   *   was aborted, and with what middleware or the function throws.
   * @example
   * const page = await toolCallExecute("fetch", url, (url, signal) => fetch(url, { signal }), {
   *   signal: AbortSignal.timeout(5000),
   * });
   */
  toolCallExecute<A, R>(
    name: string,
    args: A,
    func: (args: A, signal: AbortSignal) => R | PromiseLike<R>,
    handle?: Maybe<ScopeHandle | ToolCallOptions>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    toolCallId?: Maybe<string>,
  ): Promise<R> {
    const options = isOptions<ToolCallOptions>(handle)
      ? handle
      : { parent: handle, attributes, data, metadata, toolCallId };
    return promised(() => beginTool(this, name, args, func, options, CallFlags.None));
  }

  /** The same for a function that returns no promise. Refuses middleware that is declared async. */
  toolCallExecuteSync<A, R>(
    name: string,
    args: A,
    func: (args: A, signal: AbortSignal) => R,
    options?: Maybe<ToolCallOptions>,
  ): R {
    return beginTool(this, name, args, func, options ?? {}, CallFlags.Sync).run() as R;
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
   *
   * @throws InvalidArgument, InvalidState, LimitExceeded, NoMemory.
   * @example
   * const call = toolCall("search", { q: "x" });
   * toolCallEnd(call, await search("x"));
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
  ): ToolHandle {
    const options: ToolBeginOptions & { data?: unknown } = isOptions<ToolBeginOptions>(handle)
      ? handle
      : { parent: handle, attributes, data, metadata, toolCallId, timestamp };
    return manualTool(this, name, args, options);
  }

  /**
   * Ends a call that `toolCall` began, with its response or its error.
   *
   * @param data The end event's data where there is no response (S2.5), or the options: an object
   *   is the options if all its members are and nothing follows.
   * @throws InvalidArgument, NotFound if it has ended, InvalidState.
   */
  toolCallEnd(
    handle: ScopeHandle,
    response?: unknown,
    data?: unknown | ToolEndOptions,
    metadata?: unknown,
    timestamp?: Maybe<Timestamp>,
  ): void {
    endTool(this, handle, response, endOptions<ToolEndOptions>(data, metadata, timestamp));
  }

  /**
   * Runs a call of a language model under management, like that of a tool (S4.1).
   *
   * @param request An object of the members `headers` and `content`.
   * @param func As of `toolCallExecute`.
   * @param codecDecode With `codecEncode` the codec of the request (S4.11); as an option, `codec`.
   * @param responseCodecDecode The codec of the response (S2.8); as an option, `responseCodec`.
   * @returns Rejected as of `toolCallExecute`.
   */
  llmCallExecute<R>(
    name: string,
    request: LlmRequest,
    func: (request: LlmRequest, signal: AbortSignal) => R | PromiseLike<R>,
    handle?: Maybe<ScopeHandle | LlmCallOptions>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    modelName?: Maybe<string>,
    codecDecode?: Maybe<CodecDecode>,
    codecEncode?: Maybe<CodecEncode>,
    responseCodecDecode?: Maybe<CodecDecode>,
  ): Promise<R> {
    const options = isOptions<LlmCallOptions>(handle)
      ? handle
      : {
          ...{ parent: handle, attributes, data, metadata, modelName },
          codec: codecOf(codecDecode, codecEncode),
          responseCodec: responseCodecOf(responseCodecDecode),
        };
    return promised(() => beginLlm(this, name, request, func, options, CallFlags.None));
  }

  /** The same for a function that returns no promise. Refuses middleware that is declared async. */
  llmCallExecuteSync<R>(
    name: string,
    request: LlmRequest,
    func: (request: LlmRequest, signal: AbortSignal) => R,
    options?: Maybe<LlmCallOptions>,
  ): R {
    return beginLlm(this, name, request, func, options ?? {}, CallFlags.Sync).run() as R;
  }

  /**
   * Runs a call that answers in chunks (S4.7). The promise gives the stream when the producer has
   * been called; what that throws is the promise's error.
   *
   * With arguments by position the producer gets an object that has `headers` and `content` of the
   * request, and the number for `pushStreamChunk` as `__nemo_flow_stream_id`, as in the peers'
   * package; with options, or none, it gets the request itself.
   *
   * @param func Gives an async iterable, an iterable, a promise of one, or pushes. Its second
   *   argument is an AbortSignal, as of `toolCallExecute`.
   * @param collector Gets each chunk before the consumer; or the options.
   * @param finalizer Gives the response of the end event.
   * @example
   * const stream = await llmStreamCallExecute("gpt", request, async function* () {
   *   yield "one";
   * });
   * for await (const chunk of stream) show(chunk);
   */
  llmStreamCallExecute(
    name: string,
    request: LlmRequest,
    func: (request: any, signal: AbortSignal) => unknown,
    collector?: Maybe<((chunk: any) => unknown) | LlmStreamOptions>,
    finalizer?: Maybe<() => unknown>,
    handle?: Maybe<ScopeHandle>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    modelName?: Maybe<string>,
    codecDecode?: Maybe<CodecDecode>,
    codecEncode?: Maybe<CodecEncode>,
    responseCodecDecode?: Maybe<CodecDecode>,
  ): Promise<LlmStream> {
    if (isOptions<LlmStreamOptions>(collector) || collector === undefined) {
      const options = collector ?? {};
      return promised(() => beginStream(this, name, request, func, options, CallFlags.None));
    }
    const options: LlmStreamOptions = {
      ...{ collector, finalizer, parent: handle, attributes, data, metadata, modelName },
      codec: codecOf(codecDecode, codecEncode),
      responseCodec: responseCodecOf(responseCodecDecode),
    };
    return promised(() => {
      checkFunction(func, "func");
      return beginStream(this, name, request, pushing(func), options, CallFlags.None);
    });
  }

  /** The same for a function that gives an iterable. Refuses middleware that is declared async. */
  llmStreamCallExecuteSync(
    name: string,
    request: LlmRequest,
    func: (request: LlmRequest, signal: AbortSignal) => unknown,
    options?: Maybe<LlmStreamOptions>,
  ): SyncLlmStream {
    const begun = beginStream(this, name, request, func, options ?? {}, CallFlags.Sync);
    return begun.run() as SyncLlmStream;
  }

  /** Runs only the request intercepts of an LLM call; gives the request that comes out (S4.9). */
  llmRequestIntercepts(name: string, request: LlmRequest): Promise<any> {
    return promised(() => beginHelper(this, llmRequestIntercepts, name, request, CallFlags.None));
  }

  /** The same at once. Refuses intercepts that are declared async. */
  llmRequestInterceptsSync(name: string, request: LlmRequest): any {
    return beginHelper(this, llmRequestIntercepts, name, request, CallFlags.Sync).run();
  }

  /**
   * Runs only the guards of an LLM call (S4.9). Rejected with GuardrailRejected if one refuses.
   *
   * @param name What guards find in their context. The request alone may be given, as in the peers'
   *   package.
   */
  llmConditionalExecution(name: string | LlmRequest, request?: LlmRequest): Promise<void> {
    const [named, asked] = typeof name === "object" ? [UNNAMED_LLM, name] : [name, request];
    const begin = llmConditionalExecution;
    return promised(() => beginHelper(this, begin, named, asked, CallFlags.None));
  }

  /** The same at once. Refuses guards that are declared async. */
  llmConditionalExecutionSync(name: string, request: LlmRequest): void {
    beginHelper(this, llmConditionalExecution, name, request, CallFlags.Sync).run();
  }

  /**
   * Begins an LLM call that the application runs by itself (S4.8). It does not become current.
   *
   * @throws InvalidArgument, InvalidState, LimitExceeded, NoMemory.
   */
  llmCall(
    name: string,
    request: LlmRequest,
    handle?: Maybe<ScopeHandle | LlmBeginOptions>,
    attributes?: Maybe<number>,
    data?: unknown,
    metadata?: unknown,
    modelName?: Maybe<string>,
    timestamp?: Maybe<Timestamp>,
  ): LlmHandle {
    const options: LlmBeginOptions & { data?: unknown } = isOptions<LlmBeginOptions>(handle)
      ? handle
      : { parent: handle, attributes, data, metadata, modelName, timestamp };
    return manualLlm(this, name, request, options);
  }

  /**
   * Ends a call that `llmCall` began, with its response or its error.
   *
   * @param data As of `toolCallEnd`.
   * @throws InvalidArgument, NotFound if it has ended, InvalidState.
   */
  llmCallEnd(
    handle: ScopeHandle,
    response?: unknown,
    data?: unknown | LlmEndOptions,
    metadata?: unknown,
    timestamp?: Maybe<Timestamp>,
  ): void {
    endLlm(this, handle, response, endOptions<LlmEndOptions>(data, metadata, timestamp));
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
    this.begin(holding, undefined, () => runtimeClose(this.engine, this.address, holding.task));
    this.finish(holding, undefined);
  }

  /** `using runtime = new Runtime()` closes it with its block. */
  [dispose](): void {
    this.close();
  }

  /** Delivers what is still owed: the ends of scopes that nobody holds any more (S1.12). */
  flush(): void {
    const holding = new Holding(this.engine);
    this.begin(holding, undefined, () => runtimeFlush(this.engine, this.address, holding.task));
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

  clearLastErrors(): void {
    this.told.length = 0;
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
  end(scope: ScopeHandle, options: PopOptions, hasError = isThere(options.error)): void {
    const { engine } = this;
    const current = engine.context.get();
    const holding = new Holding(engine);
    this.begin(holding, undefined, () =>
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
        holding.task,
      ),
    );
    // Before anybody hears of it: a subscriber must not find the ended scope current (ADR 0011).
    this.leave(scope, current);
    this.finish(holding, scope);
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
    if (!UUID.test(reference)) throw new InvalidArgument(`scope: invalid UUID ${reference}`);
    const handle = this.byUuid.get(reference)?.deref();
    if (!handle) throw new NotFound(`no handle is held of a scope with the uuid ${reference}`);
    return handle;
  }

  /** @internal Opens a scope, which becomes current nowhere. */
  open(name: string, scopeType: ScopeType, options: PushOptions): ScopeHandle {
    const { engine } = this;
    checkHeadroom(engine);
    const current = engine.context.get();
    const holding = new Holding(engine);
    this.begin(holding, options.metadata, (metadata) =>
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
    const address = this.finish(holding, current);
    return this.wrap(address, current, options.data, options.metadata, ScopeHandle);
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
    const handle = new Made(this, address, opener, data ?? null, metadata ?? null);
    this.engine.watch.add(handle, new HeldScope(this.engine.core, address));
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
  begin(holding: Holding, metadata: unknown, call: (metadata: number) => void): void {
    const { engine } = this;
    const { refs, served } = engine;
    const ref = metadata === undefined || metadata === null ? 0 : refs.lend(metadata);
    engine.served = this;
    try {
      call(ref);
    } catch (error) {
      refs.release(ref);
      holding.end();
      throw error;
    } finally {
      engine.served = served;
    }
  }

  /**
   * @internal Does the steps of an operation that has begun and runs no function but middleware's.
   * Mostly there is none, for which an `Operation` would cost as much as all the rest.
   *
   * @returns The address of the scope that it made, if it makes one.
   */
  finish(holding: Holding, current: ScopeHandle | undefined): number {
    const { slots } = this.engine.core;
    if (slots[STEP_KIND] === StepKind.Done) {
      holding.end();
      return slots[STEP_SCOPE]!;
    }
    const operation = new Operation(this, current, undefined, undefined, holding);
    operation.run();
    return operation.scope;
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
  private leave(ended: ScopeHandle, current: ScopeHandle | undefined): void {
    // The span of a call belongs to the call, which sees to it itself.
    if (!ended.isSpan) {
      this.engine.watch.remove(ended);
      this.engine.bury(ended);
    }
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
      this.rootHandle = new ScopeHandle(this, address, undefined);
      this.engine.watch.add(this.rootHandle, new HeldScope(this.engine.core, address));
    }
    return this.rootHandle;
  }
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
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

/** A failure before the first step is the promise's, too. */
function promised<R>(begin: () => Operation): Promise<R> {
  try {
    return begin().runAsync() as Promise<R>;
  } catch (error) {
    return Promise.reject(error);
  }
}
