import { defaultRuntime } from "./default.js";
import type { Runtime } from "./runtime.js";
import type { ScopeHandle } from "./scope.js";

/*
 * The functions of the module: methods of the default runtime. Those of the registries are
 * generated (functions.gen.ts).
 */

/** Opens a scope and makes it current: `pushScope` of the default runtime. */
export const pushScope: Runtime["pushScope"] = (...given) => defaultRuntime().pushScope(...given);

/** Ends a scope and emits its end event: `popScope` of the default runtime. */
export const popScope: Runtime["popScope"] = (...given) => defaultRuntime().popScope(...given);

/** Runs a function in a scope of its own: `withScope` of the default runtime. */
export const withScope: Runtime["withScope"] = (...given) => defaultRuntime().withScope(...given);

/** The same at once: `withScopeSync` of the default runtime. */
export const withScopeSync: Runtime["withScopeSync"] = (...given) =>
  defaultRuntime().withScopeSync(...given);

/** Emits a mark under the current scope: `event` of the default runtime. */
export const event: Runtime["event"] = (...given) => defaultRuntime().event(...given);

/** Runs a tool under management: `toolCallExecute` of the default runtime. */
export const toolCallExecute: Runtime["toolCallExecute"] = (...given) =>
  defaultRuntime().toolCallExecute(...given);

/** `toolCallExecute` under the peers' other name: theirs waits for promises under this one only. */
export const toolCallExecuteAsync = toolCallExecute;

/** The same at once: `toolCallExecuteSync` of the default runtime. */
export const toolCallExecuteSync: Runtime["toolCallExecuteSync"] = (...given) =>
  defaultRuntime().toolCallExecuteSync(...given);

/** Runs only a tool's request intercepts: `toolRequestIntercepts` of the default runtime. */
export const toolRequestIntercepts: Runtime["toolRequestIntercepts"] = (...given) =>
  defaultRuntime().toolRequestIntercepts(...given);

/** The same at once: `toolRequestInterceptsSync` of the default runtime. */
export const toolRequestInterceptsSync: Runtime["toolRequestInterceptsSync"] = (...given) =>
  defaultRuntime().toolRequestInterceptsSync(...given);

/** Runs only a tool's guards: `toolConditionalExecution` of the default runtime. */
export const toolConditionalExecution: Runtime["toolConditionalExecution"] = (...given) =>
  defaultRuntime().toolConditionalExecution(...given);

/** The same at once: `toolConditionalExecutionSync` of the default runtime. */
export const toolConditionalExecutionSync: Runtime["toolConditionalExecutionSync"] = (...given) =>
  defaultRuntime().toolConditionalExecutionSync(...given);

/** Begins a tool call that the application runs: `toolCall` of the default runtime. */
export const toolCall: Runtime["toolCall"] = (...given) => defaultRuntime().toolCall(...given);

/** Ends a tool call that the application runs: `toolCallEnd` of the default runtime. */
export const toolCallEnd: Runtime["toolCallEnd"] = (...given) =>
  defaultRuntime().toolCallEnd(...given);

/** Runs a call of a model under management: `llmCallExecute` of the default runtime. */
export const llmCallExecute: Runtime["llmCallExecute"] = (...given) =>
  defaultRuntime().llmCallExecute(...given);

/** `llmCallExecute` under the peers' other name: theirs waits for promises under this one only. */
export const llmCallExecuteAsync = llmCallExecute;

/** The same at once: `llmCallExecuteSync` of the default runtime. */
export const llmCallExecuteSync: Runtime["llmCallExecuteSync"] = (...given) =>
  defaultRuntime().llmCallExecuteSync(...given);

/** Runs a call that answers in chunks: `llmStreamCallExecute` of the default runtime. */
export const llmStreamCallExecute: Runtime["llmStreamCallExecute"] = (...given) =>
  defaultRuntime().llmStreamCallExecute(...given);

/** The same at once: `llmStreamCallExecuteSync` of the default runtime. */
export const llmStreamCallExecuteSync: Runtime["llmStreamCallExecuteSync"] = (...given) =>
  defaultRuntime().llmStreamCallExecuteSync(...given);

/** Runs only a model's request intercepts: `llmRequestIntercepts` of the default runtime. */
export const llmRequestIntercepts: Runtime["llmRequestIntercepts"] = (...given) =>
  defaultRuntime().llmRequestIntercepts(...given);

/** The same at once: `llmRequestInterceptsSync` of the default runtime. */
export const llmRequestInterceptsSync: Runtime["llmRequestInterceptsSync"] = (...given) =>
  defaultRuntime().llmRequestInterceptsSync(...given);

/** Runs only a model's guards: `llmConditionalExecution` of the default runtime. */
export const llmConditionalExecution: Runtime["llmConditionalExecution"] = (...given) =>
  defaultRuntime().llmConditionalExecution(...given);

/** The same at once: `llmConditionalExecutionSync` of the default runtime. */
export const llmConditionalExecutionSync: Runtime["llmConditionalExecutionSync"] = (...given) =>
  defaultRuntime().llmConditionalExecutionSync(...given);

/** Begins a model's call that the application runs: `llmCall` of the default runtime. */
export const llmCall: Runtime["llmCall"] = (...given) => defaultRuntime().llmCall(...given);

/** Ends a model's call that the application runs: `llmCallEnd` of the default runtime. */
export const llmCallEnd: Runtime["llmCallEnd"] = (...given) =>
  defaultRuntime().llmCallEnd(...given);

/** Makes a root of its own current in this context: `newRoot` of the default runtime. */
export const newRoot: Runtime["newRoot"] = (...given) => defaultRuntime().newRoot(...given);

/** The nearest open scope of this context in the default runtime; its root at last. */
export function getHandle(): ScopeHandle {
  return defaultRuntime().getHandle();
}

/** Delivers what the default runtime still owes: ends of scopes that nobody holds any more. */
export function flushSubscribers(): Promise<void> {
  return defaultRuntime().flushSubscribers();
}

/**
 * The newest of `defaultRuntime().lastErrors()`: what failed last without a caller to be told, such
 * as a subscriber or a sanitizer. Null if nothing did.
 */
export function getLastCallbackError(): string | null {
  return defaultRuntime().lastErrors()[0] ?? null;
}

/** Forgets what `getLastCallbackError` gives. */
export function clearLastCallbackError(): void {
  defaultRuntime().clearLastErrors();
}

export { AtofExporter, type AtofExporterConfig } from "./atof.js";
export * from "./codecs.js";
export * from "./decorators.js";
export { defaultRuntime } from "./default.js";
export * from "./functions.gen.js";
export type * from "./callables.gen.js";
export type { CallbackContext } from "./callbacks.js";
export { LlmHandle, ToolHandle } from "./handles.js";
export { InterceptOutcome, LlmRequest } from "./intercepts.js";
export type * from "./intercepts.js";
export type { Propagation, RuntimeStats, ScopeInfo, SinkStats } from "./core.gen.js";
export {
  EndStatus,
  LlmAttributes,
  LogLevel,
  PopFlags,
  Registry,
  ScopeAttributes,
  ScopeType,
  ToolAttributes,
  VERSION,
} from "./enums.gen.js";
export { ScopeflowError } from "./error.js";
export * from "./errors.gen.js";
export { Event } from "./event.js";
export type { EventSanitizeFields } from "./event.js";
export type { NativeHandle } from "./native-handle.js";
export { Runtime } from "./runtime.js";
export type * from "./options.js";
export { ScopeHandle } from "./scope.js";
export type { PopOptions } from "./scope.js";
export { endStream, pushStreamChunk } from "./pushed.js";
export type { LineCallback, LineStream, LineWriter } from "./sink-output.js";
export { LlmStream, SyncLlmStream } from "./stream.js";
export type { Timestamp } from "./time.js";
export * from "./propagation.js";
export {
  createScopeStack,
  currentScopeStack,
  ScopeStack,
  scopeStackActive,
  setThreadScopeStack,
  withScopeStack,
} from "./stack.js";
export * from "./metrics.js";
export { listRuntimeRegistrations, RuntimeRegistrationKind } from "./registration-identities.js";
export type * from "./registration-identities.js";
export type { Registration } from "./registrations.js";
export { LogSeverity } from "./severity.js";
export * from "./typed.js";
