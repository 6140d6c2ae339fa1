import { defaultRuntime } from "./default.js";
import type { Runtime } from "./runtime.js";
import type { ScopeHandle } from "./scope.js";

/*
 * The functions of the module: methods of the default runtime. Those of the registries are
 * generated (functions.gen.ts).
 */

export const pushScope: Runtime["pushScope"] = (...given) => defaultRuntime().pushScope(...given);

export const popScope: Runtime["popScope"] = (...given) => defaultRuntime().popScope(...given);

export const withScope: Runtime["withScope"] = (...given) => defaultRuntime().withScope(...given);

export const withScopeSync: Runtime["withScopeSync"] = (...given) =>
  defaultRuntime().withScopeSync(...given);

export const event: Runtime["event"] = (...given) => defaultRuntime().event(...given);

export const toolCallExecute: Runtime["toolCallExecute"] = (...given) =>
  defaultRuntime().toolCallExecute(...given);

/** `toolCallExecute` under the peers' other name: theirs waits for promises under this one only. */
export const toolCallExecuteAsync = toolCallExecute;

export const toolCallExecuteSync: Runtime["toolCallExecuteSync"] = (...given) =>
  defaultRuntime().toolCallExecuteSync(...given);

export const toolRequestIntercepts: Runtime["toolRequestIntercepts"] = (...given) =>
  defaultRuntime().toolRequestIntercepts(...given);

export const toolRequestInterceptsSync: Runtime["toolRequestInterceptsSync"] = (...given) =>
  defaultRuntime().toolRequestInterceptsSync(...given);

export const toolConditionalExecution: Runtime["toolConditionalExecution"] = (...given) =>
  defaultRuntime().toolConditionalExecution(...given);

export const toolConditionalExecutionSync: Runtime["toolConditionalExecutionSync"] = (...given) =>
  defaultRuntime().toolConditionalExecutionSync(...given);

export const toolCall: Runtime["toolCall"] = (...given) => defaultRuntime().toolCall(...given);

export const toolCallEnd: Runtime["toolCallEnd"] = (...given) =>
  defaultRuntime().toolCallEnd(...given);

export const llmCallExecute: Runtime["llmCallExecute"] = (...given) =>
  defaultRuntime().llmCallExecute(...given);

/** `llmCallExecute` under the peers' other name: theirs waits for promises under this one only. */
export const llmCallExecuteAsync = llmCallExecute;

export const llmCallExecuteSync: Runtime["llmCallExecuteSync"] = (...given) =>
  defaultRuntime().llmCallExecuteSync(...given);

export const llmStreamCallExecute: Runtime["llmStreamCallExecute"] = (...given) =>
  defaultRuntime().llmStreamCallExecute(...given);

export const llmStreamCallExecuteSync: Runtime["llmStreamCallExecuteSync"] = (...given) =>
  defaultRuntime().llmStreamCallExecuteSync(...given);

export const llmRequestIntercepts: Runtime["llmRequestIntercepts"] = (...given) =>
  defaultRuntime().llmRequestIntercepts(...given);

export const llmRequestInterceptsSync: Runtime["llmRequestInterceptsSync"] = (...given) =>
  defaultRuntime().llmRequestInterceptsSync(...given);

export const llmConditionalExecution: Runtime["llmConditionalExecution"] = (...given) =>
  defaultRuntime().llmConditionalExecution(...given);

export const llmConditionalExecutionSync: Runtime["llmConditionalExecutionSync"] = (...given) =>
  defaultRuntime().llmConditionalExecutionSync(...given);

export const llmCall: Runtime["llmCall"] = (...given) => defaultRuntime().llmCall(...given);

export const llmCallEnd: Runtime["llmCallEnd"] = (...given) =>
  defaultRuntime().llmCallEnd(...given);

export const newRoot: Runtime["newRoot"] = (...given) => defaultRuntime().newRoot(...given);

export function getHandle(): ScopeHandle {
  return defaultRuntime().getHandle();
}

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
