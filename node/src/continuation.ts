import type { Operation } from "./driver.js";
import { InvalidArgument } from "./errors.gen.js";

/**
 * `next` of an execution intercept (S3.7): it runs the rest of the chain. May be called until the
 * intercept has returned, as often as it likes, also at the same time; later it is refused. It
 * knows the intercept's call only as long as the intercept runs.
 */
export class Continuation {
  private call: Operation | undefined;
  /** The intercept's name, once it has returned. */
  private registration = "";

  constructor(
    call: Operation,
    private readonly canWait: boolean,
  ) {
    this.call = call;
  }

  /** Gives a promise, but in a sync call, where it gives the result itself. */
  readonly next = (request: unknown): unknown => {
    if (!this.canWait) return this.begin(request).run();
    try {
      return this.begin(request).runAsync();
    } catch (error) {
      return Promise.reject(error);
    }
  };

  retire(registration: string): void {
    this.registration = registration;
    this.call = undefined;
  }

  tooLate(registration: string): InvalidArgument {
    const which = `the execution continuation of '${registration}'`;
    return new InvalidArgument(`invalid argument: ${which} is no longer active`);
  }

  private begin(request: unknown): Operation {
    if (this.call === undefined) throw this.tooLate(this.registration);
    return this.call.link(request);
  }
}
