import { Runtime } from "./runtime.js";

let runtime: Runtime | undefined;

/** The runtime of the module's functions, made when it is first used (S6.1). */
export function defaultRuntime(): Runtime {
  return (runtime ??= new Runtime());
}

/**
 * Puts another one in its place, for tests.
 *
 * @param other Undefined: the next use makes a new one.
 * @returns What was there, undefined if none was used as yet.
 */
export function replaceDefaultRuntime(other: Runtime | undefined): Runtime | undefined {
  const outer = runtime;
  runtime = other;
  return outer;
}
