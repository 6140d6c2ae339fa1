import { Runtime } from "./runtime.js";

let runtime: Runtime | undefined;

/** The runtime of the module's functions, made when it is first used (S6.1). */
export function defaultRuntime(): Runtime {
  return (runtime ??= new Runtime());
}
