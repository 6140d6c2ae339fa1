import { defaultRuntime } from "./default.js";
import { InvalidArgument } from "./errors.gen.js";
import { installedEngine } from "./installed.js";
import type { Runtime } from "./runtime.js";
import type { ScopeHandle } from "./scope.js";

/** What a context holds, to be wrapped as it is; a constructor's caller outside cannot make one. */
class Held {
  constructor(readonly value: ScopeHandle | undefined) {}
}

/**
 * What is current in a context, as an immutable value (S1.10). The name is the peers': it holds one
 * scope, from which the others follow. It may be held for as long as one likes; while it is, an
 * open scope in it is not taken for abandoned (S1.12).
 */
export class ScopeStack {
  private readonly value: ScopeHandle | undefined;

  /**
   * A new one with a root of its own, in no context as yet.
   *
   * @param runtime The default runtime, unless another is given.
   * @param propagation What another process has sent, JSON or a `traceparent`, to go on under.
   * @throws InvalidArgument, InvalidJson, LimitExceeded.
   */
  constructor(runtime?: Runtime, propagation?: string);
  /** @internal */
  constructor(given?: Runtime | Held, propagation?: string);
  constructor(given: Runtime | Held = defaultRuntime(), propagation?: string) {
    this.value = given instanceof Held ? given.value : given.createRoot(propagation);
  }

  /** Does nothing: nothing has to be given back. Programs for the peers' package call it. */
  free(): void {}

  /** @internal What a context in which it is current holds. */
  static valueOf(stack: ScopeStack): ScopeHandle | undefined {
    if (!(stack instanceof ScopeStack)) throw new InvalidArgument("stack must be a ScopeStack");
    return stack.value;
  }
}

/** The same object for as long as the same scope is current. */
const stacks = new WeakMap<ScopeHandle, ScopeStack>();
const nothing = new ScopeStack(new Held(undefined));

/** A new stack with a root of its own, in no context as yet (S1.3). */
export function createScopeStack(): ScopeStack {
  return new ScopeStack();
}

/** What is current here; the same object until another scope becomes current. */
export function currentScopeStack(): ScopeStack {
  const value = installedEngine().context.get();
  if (value === undefined) return nothing;
  let stack = stacks.get(value);
  if (stack === undefined) stacks.set(value, (stack = new ScopeStack(new Held(value))));
  return stack;
}

/**
 * Makes a stack current for the rest of the context that runs now. The peers call it a thread's.
 *
 * @throws InvalidArgument for anything but a ScopeStack.
 */
export function setThreadScopeStack(stack: ScopeStack): void {
  installedEngine().context.set(ScopeStack.valueOf(stack));
}

/**
 * Calls a function, and what it starts, with a stack; what is current outside stays as it is.
 *
 * @throws InvalidArgument for anything but a ScopeStack, or a callback that is no function.
 */
export function withScopeStack<R>(stack: ScopeStack, callback: () => R): R {
  if (typeof callback !== "function")
    throw new InvalidArgument("callback must be a function");
  return installedEngine().context.run(ScopeStack.valueOf(stack), callback);
}

/** Whether a scope was opened, or a stack made current, in this context or where it was started. */
export function scopeStackActive(): boolean {
  return installedEngine().context.get() !== undefined;
}
