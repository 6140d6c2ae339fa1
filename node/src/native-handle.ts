import type { Engine } from "./engine.js";
import { InvalidState } from "./errors.gen.js";
import type { Handle } from "./handle.js";

declare const kindOf: unique symbol;

/**
 * What an addon in C gets to register middleware with (`scopeflow/node.h`): opaque to JavaScript.
 * It works on the thread that made it; as long as somebody refers to it, a runtime or a scope that
 * it stands for is held, too.
 */
export interface NativeHandle<Kind extends "functions" | "runtime" | "scope"> {
  /** Not there at run time: it tells the kinds apart. */
  readonly [kindOf]: Kind;
}

/** In the order of node/native/addon_handles.c. */
const KINDS = { functions: 0, runtime: 1, scope: 2 } as const;

/** The handle leads to what it stands for, and nothing leads back: no cycle keeps both. */
const held = new WeakMap<object, Handle>();

function make(engine: Engine, kind: keyof typeof KINDS, address: number): object {
  const { core } = engine;
  if (core.nativeHandle === undefined) {
    throw new InvalidState(
      "middleware in C needs the native core: the WebAssembly build runs here, which loads none",
    );
  }
  return core.nativeHandle(KINDS[kind], address);
}

/** The table of functions that addons call. */
export function functionsHandle(engine: Engine): NativeHandle<"functions"> {
  return make(engine, "functions", 0) as NativeHandle<"functions">;
}

/** A handle for a runtime or a scope, which it holds. */
export function ownerHandle<Kind extends "runtime" | "scope">(
  owner: Handle,
  kind: Kind,
): NativeHandle<Kind> {
  const handle = make(owner.engine, kind, owner.address);
  held.set(handle, owner);
  return handle as NativeHandle<Kind>;
}
