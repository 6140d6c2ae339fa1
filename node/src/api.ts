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

export const event: Runtime["event"] = (...given) => defaultRuntime().event(...given);

export const toolCallExecute: Runtime["toolCallExecute"] = (...given) =>
  defaultRuntime().toolCallExecute(...given);

export const toolCallExecuteSync: Runtime["toolCallExecuteSync"] = (...given) =>
  defaultRuntime().toolCallExecuteSync(...given);

export function getHandle(): ScopeHandle {
  return defaultRuntime().getHandle();
}

export function flushSubscribers(): Promise<void> {
  return defaultRuntime().flushSubscribers();
}

export { defaultRuntime } from "./default.js";
export * from "./functions.gen.js";
export type * from "./callables.gen.js";
export type { CallbackContext } from "./callbacks.js";
export type { RuntimeStats, ScopeInfo } from "./core.gen.js";
export {
  EndStatus,
  PopFlags,
  ScopeAttributes,
  ScopeType,
  ToolAttributes,
  VERSION,
} from "./enums.gen.js";
export { ScopeflowError } from "./error.js";
export * from "./errors.gen.js";
export { Event } from "./event.js";
export { Runtime } from "./runtime.js";
export type { EventOptions, PushOptions, RuntimeOptions, ToolCallOptions } from "./runtime.js";
export { ScopeHandle } from "./scope.js";
export type { PopOptions } from "./scope.js";
export type { Timestamp } from "./time.js";
