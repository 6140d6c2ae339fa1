import { Cancellation, type Target } from "./cancellation.js";
import { checkFunction } from "./checks.js";
import { codecOption } from "./core-codec.js";
import { Operation } from "./driver.js";
import type { Engine } from "./engine.js";
import { CallFlags, EndStatus } from "./enums.gen.js";
import { InvalidArgument } from "./errors.gen.js";
import { LlmHandle, ToolHandle } from "./handles.js";
import { checkHeadroom } from "./headroom.js";
import type { Holding } from "./holding.js";
import { checkLlmRequest } from "./intercepts.js";
import {
  llmCall,
  llmCallEnd,
  llmExecute,
  llmRequestIntercepts,
  llmStreamExecute,
  toolCall,
  toolCallEnd,
  toolExecute,
  toolRequestIntercepts,
} from "./operations.gen.js";
import type {
  LlmBeginOptions,
  LlmCallOptions,
  LlmEndOptions,
  LlmStreamOptions,
  ToolBeginOptions,
  ToolCallOptions,
  ToolEndOptions,
} from "./options.js";
import type { Maybe } from "./positional.js";
import type { Runtime } from "./runtime.js";
import { parentAddress, ScopeHandle } from "./scope.js";
import { StreamWork } from "./stream.js";
import { nanoseconds } from "./time.js";

/* How calls of tools and language models begin, and how those end that the application runs. */

export function beginTool(
  runtime: Runtime,
  name: string,
  request: unknown,
  target: Target,
  options: ToolCallOptions,
  flags: CallFlags,
): Operation {
  const operation = newCall(runtime, name, target, options, flags, false, options.toolCallId);
  const { holding } = operation;
  const outer = runtime.engine.serve(runtime);
  try {
    toolExecute(
      runtime.engine,
      runtime.address,
      operation.currentAddress,
      flags,
      name,
      holding.lendAny(request),
      parentAddress(options.parent),
      options.attributes ?? 0,
      options.toolCallId ?? undefined,
      holding.lend(options.data),
      holding.give(options.metadata),
      nanoseconds(options.timestamp),
      holding,
    );
  } catch (error) {
    throw holding.refused(error, outer);
  }
  runtime.engine.served = outer;
  return operation;
}

export function beginLlm(
  runtime: Runtime,
  name: string,
  request: unknown,
  target: Target,
  options: LlmCallOptions,
  flags: CallFlags,
): Operation {
  const operation = newCall(runtime, name, target, options, flags, true, options.modelName);
  beginModel(llmExecute, operation, name, request, options, flags);
  return operation;
}

export function beginStream(
  runtime: Runtime,
  name: string,
  request: unknown,
  target: Target,
  options: LlmStreamOptions,
  flags: CallFlags,
): Operation {
  const collector = options.collector ?? undefined;
  const finalizer = options.finalizer ?? undefined;
  if (collector !== undefined) checkFunction(collector, "collector");
  if (finalizer !== undefined) checkFunction(finalizer, "finalizer");
  const stream = new StreamWork(name, collector, finalizer, (flags & CallFlags.Sync) !== 0);
  const operation = newCall(runtime, name, target, options, flags, true, options.modelName, stream);
  const all =
    flags |
    (finalizer === undefined ? CallFlags.None : CallFlags.Finalizer) |
    (options.chunkMarks ? CallFlags.ChunkMarks : CallFlags.None);
  beginModel(llmStreamExecute, operation, name, request, options, all);
  return operation;
}

function beginModel(
  begin: typeof llmExecute,
  operation: Operation,
  name: string,
  request: unknown,
  options: LlmCallOptions,
  flags: CallFlags,
): void {
  const { runtime, holding } = operation;
  const outer = runtime.engine.serve(runtime);
  try {
    checkLlmRequest(request);
    const codec = codecOption(options.codec, "codec", ["decode", "encode"], runtime);
    const responseCodec = responseCodecOption(options.responseCodec, runtime);
    begin(
      runtime.engine,
      runtime.address,
      operation.currentAddress,
      flags,
      name,
      holding.lendAny(request),
      parentAddress(options.parent),
      options.attributes ?? 0,
      options.modelName ?? undefined,
      holding.lend(options.data),
      holding.give(options.metadata),
      nanoseconds(options.timestamp),
      holding.lend(codec),
      holding.lend(responseCodec),
      holding,
    );
  } catch (error) {
    throw holding.refused(error, outer);
  }
  runtime.engine.served = outer;
}

function newCall(
  runtime: Runtime,
  name: string,
  target: Target,
  options: ToolCallOptions | LlmCallOptions,
  flags: CallFlags,
  isLlm: boolean,
  detail: Maybe<string>,
  stream?: StreamWork,
): Operation {
  checkFunction(target, "func");
  checkHeadroom(runtime.engine);
  const cancellation = Cancellation.of(options.signal, target);
  return new Operation(runtime, runtime.engine.context.get(), {
    name,
    detail: detail ?? "",
    target: cancellation?.wrap(target) ?? target,
    cancellation,
    data: options.data ?? null,
    metadata: options.metadata ?? null,
    canWait: (flags & CallFlags.Sync) === 0,
    isLlm,
    stream,
  });
}

/** The helpers that give the request that comes out. */
const GIVES_REQUEST = new Set<unknown>([toolRequestIntercepts, llmRequestIntercepts]);

/** Begins what runs only one kind of middleware, without a span or an event (S4.9). */
export function beginHelper(
  runtime: Runtime,
  begin: (
    engine: Engine,
    self: number,
    current: number,
    flags: number,
    name: string,
    request: number,
    holding: Holding,
  ) => void,
  name: string,
  request: unknown,
  flags: CallFlags,
): Operation {
  const operation = new Operation(runtime, runtime.engine.context.get(), {
    unanswered: GIVES_REQUEST.has(begin) ? request : undefined,
    canWait: flags === CallFlags.None,
  });
  const { engine, address } = runtime;
  const { holding } = operation;
  const outer = runtime.engine.serve(runtime);
  try {
    const current = operation.currentAddress;
    begin(engine, address, current, flags, name, holding.lendAny(request), holding);
  } catch (error) {
    throw holding.refused(error, outer);
  }
  runtime.engine.served = outer;
  return operation;
}

// --- Calls that the application runs by itself (S4.8) ---

export function manualTool(
  runtime: Runtime,
  name: string,
  request: unknown,
  options: ToolBeginOptions & { data?: unknown },
): ToolHandle {
  return begun(runtime, ToolHandle, options, (current, holding, metadata) =>
    toolCall(
      runtime.engine,
      runtime.address,
      current,
      name,
      holding.lendAny(request),
      parentAddress(options.parent),
      options.attributes ?? 0,
      options.toolCallId ?? undefined,
      metadata,
      nanoseconds(options.timestamp),
      holding,
    ),
  );
}

export function manualLlm(
  runtime: Runtime,
  name: string,
  request: unknown,
  options: LlmBeginOptions & { data?: unknown },
): LlmHandle {
  return begun(runtime, LlmHandle, options, (current, holding, metadata) => {
    checkLlmRequest(request);
    const codec = codecOption(options.codec, "codec", ["decode"], runtime);
    llmCall(
      runtime.engine,
      runtime.address,
      current,
      name,
      holding.lendAny(request),
      parentAddress(options.parent),
      options.attributes ?? 0,
      options.modelName ?? undefined,
      metadata,
      nanoseconds(options.timestamp),
      holding.lend(options.annotatedRequest),
      holding.lend(codec),
      holding,
    );
  });
}

function begun<Made extends ScopeHandle>(
  runtime: Runtime,
  made: new (...given: ConstructorParameters<typeof ScopeHandle>) => Made,
  options: { data?: unknown; metadata?: unknown },
  begin: (current: number, holding: Holding, metadata: number) => void,
): Made {
  const { engine } = runtime;
  checkHeadroom(engine);
  const current = engine.context.get();
  const holding = engine.takeHolding();
  const outer = runtime.engine.serve(runtime);
  try {
    begin(runtime.addressIn(current), holding, holding.give(options.metadata));
  } catch (error) {
    throw holding.refused(error, outer);
  }
  runtime.engine.served = outer;
  const address = runtime.finish(holding, current);
  return runtime.wrap(address, current, options.data, options.metadata, made);
}

export function endTool(
  runtime: Runtime,
  handle: ScopeHandle,
  response: unknown,
  options: ToolEndOptions,
): void {
  ended(runtime, handle, (current, holding) =>
    toolCallEnd(
      runtime.engine,
      handle.address,
      current,
      response === undefined ? 0 : holding.lendAny(response),
      holding.lend(options.annotation),
      holding.lend(options.data),
      holding.lend(options.metadata),
      options.status ?? EndStatus.Unset,
      holding.lend(options.error),
      nanoseconds(options.timestamp),
      holding,
    ),
  );
}

export function endLlm(
  runtime: Runtime,
  handle: ScopeHandle,
  response: unknown,
  options: LlmEndOptions,
): void {
  ended(runtime, handle, (current, holding) => {
    const responseCodec = responseCodecOption(options.responseCodec, runtime);
    llmCallEnd(
      runtime.engine,
      handle.address,
      current,
      response === undefined ? 0 : holding.lendAny(response),
      holding.lend(options.data),
      holding.lend(options.metadata),
      options.status ?? EndStatus.Unset,
      holding.lend(options.error),
      nanoseconds(options.timestamp),
      holding.lend(options.annotatedResponse),
      holding.lend(responseCodec),
      holding,
    );
  });
}

function ended(
  runtime: Runtime,
  handle: ScopeHandle,
  end: (current: number, holding: Holding) => void,
): void {
  if (!(handle instanceof ScopeHandle)) throw new InvalidArgument("handle must be a scope handle");
  const { engine } = runtime;
  const current = engine.context.get();
  const holding = engine.takeHolding();
  const outer = runtime.engine.serve(runtime);
  try {
    end(runtime.addressIn(current), holding);
  } catch (error) {
    throw holding.refused(error, outer);
  }
  runtime.engine.served = outer;
  runtime.finish(holding, current);
}

function responseCodecOption(given: LlmEndOptions["responseCodec"], runtime: Runtime): unknown {
  return codecOption(given, "responseCodec", ["decodeResponse"], runtime);
}

/** Runs a call that begins. A failure before the first step is the promise's, too. */
export function promised<R>(begin: () => Operation): Promise<R> {
  try {
    return begin().runAsync() as Promise<R>;
  } catch (error) {
    return Promise.reject(error);
  }
}
