/**
 * The application's objects that the core refers to by number. Number 0 means that there is none.
 *
 * A reference is released exactly once: by the core, through the host's `release`, when it took
 * the reference, else by whoever lent it.
 */
export class Refs {
  private readonly values: unknown[] = [undefined];
  private readonly free: number[] = [];

  /** Gives a value a number. */
  lend(value: unknown): number {
    const ref = this.free.pop() ?? this.values.length;
    this.values[ref] = value;
    return ref;
  }

  /** The value behind a number. */
  get(ref: number): unknown {
    return this.values[ref];
  }

  /** Gives a number back. 0 is left alone. */
  release(ref: number): void {
    if (ref === 0) return;
    this.values[ref] = undefined;
    this.free.push(ref);
  }

  /** The value behind a number, which is given back. */
  take(ref: number): unknown {
    const value = this.values[ref];
    this.release(ref);
    return value;
  }

  /** How many numbers are lent now. */
  get count(): number {
    return this.values.length - 1 - this.free.length;
  }
}
