import type { Operation } from "./driver.js";
import { InvalidArgument } from "./errors.gen.js";
import { isLlmRequest } from "./intercepts.js";

/**
 * `next` of an execution intercept (S3.7): it runs the rest of the chain. May be called until the
 * intercept has returned, as often as it likes, also at the same time; later it is refused. It
 * knows the intercept's call only as long as the intercept runs; in a stream it then goes on by the
 * streamed call itself, until that has ended: a generator does its work later (ADR 0019).
 */
export class Continuation {
  private call: Operation | undefined;
  /** Of a stream's intercept that has returned: its place in the chain. */
  private position = 0;
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

  /** @param streamed The streamed call that the intercept belongs to, if it is one. */
  retire(registration: string, streamed: Operation | undefined, position: number): void {
    this.registration = registration;
    this.call = streamed;
    this.position = position;
  }

  private begin(request: unknown): Operation {
    const { call } = this;
    if (call === undefined || !call.isOpen) throw this.tooLate();
    if (call.isLlm && !isLlmRequest(request)) {
      const which = `next of '${this.intercept}'`;
      throw new InvalidArgument(`invalid argument: invalid LlmRequest from JS ${which}`);
    }
    return call.link(request, this.position);
  }

  private tooLate(): InvalidArgument {
    const which = `the execution continuation of '${this.intercept}'`;
    return new InvalidArgument(`invalid argument: ${which} is no longer active`);
  }

  /** The intercept's name. */
  private get intercept(): string {
    const { call, position, registration } = this;
    return call !== undefined && position === 0 ? call.intercept : registration;
  }
}
