import type { ScopeHandle } from "./scope.js";

/**
 * Where the current scope of a context is kept (S1.5, S1.9). The value may be a scope that has
 * ended, and may belong to any runtime; readers follow `ScopeHandle.opener`.
 */
export interface ContextStorage {
  /** The value of the context that runs now. */
  get(): ScopeHandle | undefined;
  /** Changes the value for the rest of the context that runs now. */
  set(value: ScopeHandle | undefined): void;
  /** Calls a function, and what it starts, with a value; the caller's own stays as it is. */
  run<A extends unknown[], R>(
    value: ScopeHandle | undefined,
    call: (...given: A) => R,
    ...given: A
  ): R;
  /** A copy of the context that runs now, with a value of its own, to be entered many times. */
  branch(value: ScopeHandle | undefined): ContextBranch;
}

/**
 * A context that is entered for a step and left behind it (S1.11). What a step makes current there
 * is current in the next one, and nowhere else.
 */
export interface ContextBranch {
  run<R>(call: () => R): R;
}

/**
 * A context for hosts without async-local storage, such as browsers: the value holds for the
 * synchronous part of a call only. What runs after an `await` sees the value of whoever runs then,
 * so it names its parent itself (`{ parent: handle }`).
 */
export class SynchronousContext implements ContextStorage {
  private value: ScopeHandle | undefined;

  get(): ScopeHandle | undefined {
    return this.value;
  }

  set(value: ScopeHandle | undefined): void {
    this.value = value;
  }

  run<A extends unknown[], R>(
    value: ScopeHandle | undefined,
    call: (...given: A) => R,
    ...given: A
  ): R {
    const outer = this.value;
    this.value = value;
    try {
      return call(...given);
    } finally {
      this.value = outer;
    }
  }

  branch(value: ScopeHandle | undefined): ContextBranch {
    let current = value;
    const enter = <R>(call: () => R): R => {
      try {
        return call();
      } finally {
        current = this.value;
      }
    };
    return { run: (call) => this.run(current, enter, call) as ReturnType<typeof call> };
  }
}
