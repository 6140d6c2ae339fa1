import { InvalidState } from "./errors.gen.js";
import type { NativeHandle } from "./native-handle.js";

/*
 * `extensions` where there is only the WebAssembly build, into which nobody loads an addon: the
 * same names as in Node, so that one program serves both.
 */

/**
 * The folder of headers for addons in C, which only the native core can load.
 *
 * @throws InvalidState always.
 */
export function getInclude(): string {
  throw nowhere();
}

/**
 * The table of functions for addons in C, which only the native core can load.
 *
 * @throws InvalidState always.
 */
export function functions(): NativeHandle<"functions"> {
  throw nowhere();
}

function nowhere(): InvalidState {
  return new InvalidState("middleware in C needs the native core, which is in Node only");
}

export type { NativeHandle } from "./native-handle.js";
