import { InvalidState } from "./errors.gen.js";
import type { NativeHandle } from "./native-handle.js";

/*
 * `extensions` where there is only the WebAssembly build, into which nobody loads an addon: the
 * same names as in Node, so that one program serves both.
 */

/** @throws InvalidState: there are no headers to build with. */
export function getInclude(): string {
  throw nowhere();
}

/** @throws InvalidState: there is nothing to be handed to an addon. */
export function functions(): NativeHandle<"functions"> {
  throw nowhere();
}

function nowhere(): InvalidState {
  return new InvalidState("middleware in C needs the native core, which is in Node only");
}

export type { NativeHandle } from "./native-handle.js";
