import { disown, isThenable } from "./callbacks.js";
import { InvalidArgument } from "./errors.gen.js";

/** What runs under management, and may take a signal as its second argument. */
export type Target = (request: any, signal?: any) => unknown;

/**
 * The signals of a call: the one that the application gave, which cancels the call, and the one
 * that its function gets. Only calls that have one of them have this.
 *
 * The function's own signal is aborted when the given one is, with its reason, and when the call
 * ends without waiting for the function, as an intercept may let it.
 */
export class Cancellation {
  private own: AbortController | undefined;
  private running = 0;
  private rejection: Promise<never> | undefined;
  private reject: ((reason: unknown) => void) | undefined;
  private notify: (() => void) | undefined;

  private constructor(private readonly given: AbortSignal | undefined) {}

  /**
   * Whatever a call needs of this, if anything.
   *
   * @throws InvalidArgument for a signal that is none; the signal's reason if it was aborted.
   */
  static of(given: AbortSignal | null | undefined, target: Function): Cancellation | undefined {
    const signal = given ?? undefined;
    if (signal !== undefined) {
      if (!(signal instanceof AbortSignal))
        throw new InvalidArgument("signal must be an AbortSignal");
      signal.throwIfAborted();
    }
    return signal !== undefined || target.length >= 2 ? new Cancellation(signal) : undefined;
  }

  /** The function with its signal behind the request, made only if it takes one. */
  wrap(target: Target): Target {
    if (target.length < 2) return target;
    return (request: unknown) => {
      this.own ??= new AbortController();
      const result: unknown = target(request, this.own.signal);
      if (isThenable(result)) {
        const settled = () => void this.running--;
        this.running++;
        result.then(settled, settled);
      }
      return result;
    };
  }

  get isAborted(): boolean {
    return this.given?.aborted === true;
  }

  get reason(): unknown {
    return this.given?.reason;
  }

  /** Whether an error is that which the call was cancelled with. */
  isReason(error: unknown): boolean {
    return this.isAborted && Object.is(error, this.reason);
  }

  /** What a promise gives, unless the call is cancelled first: then rejected with the reason. */
  race<T>(pending: PromiseLike<T>): PromiseLike<T> {
    if (this.given === undefined) return pending;
    if (this.isAborted) disown(pending);
    this.listen();
    return Promise.race([this.rejection!, pending]);
  }

  /** Calls a function once, when the call is cancelled. */
  onAbort(call: () => void): void {
    if (this.given === undefined) return;
    this.notify = call;
    this.listen();
  }

  /** The call has ended. */
  end(): void {
    this.notify = undefined;
    if (this.rejection !== undefined) this.given!.removeEventListener("abort", this.abort);
    if (this.running > 0) this.own?.abort();
  }

  private listen(): void {
    if (this.rejection !== undefined) return;
    this.rejection = new Promise((_, reject) => (this.reject = reject));
    disown(this.rejection);
    if (this.isAborted) this.abort();
    else this.given!.addEventListener("abort", this.abort);
  }

  private readonly abort = (): void => {
    this.own?.abort(this.reason);
    this.reject!(this.reason);
    this.notify?.();
  };
}
