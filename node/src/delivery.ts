import { disown, isThenable } from "./callbacks.js";
import type { Cancellation } from "./cancellation.js";
import {
  EVENT_LINE_DATA,
  EVENT_LINE_DATA_LIMIT,
  EVENT_LINE_DATA_OFFSET,
  EVENT_LINE_IS_LLM_REQUEST,
  STEP_CALLABLE,
  STEP_EVENT,
  STEP_SLOTS,
} from "./core.gen.js";
import { AnswerKind, StepKind } from "./enums.gen.js";
import { isCancellation, statusOf } from "./error.js";
import { InvalidState } from "./errors.gen.js";
import { Event } from "./event.js";
import type { Holding } from "./holding.js";
import { readEvent } from "./middleware.js";
import { OpenLine } from "./open-line.js";
import { taskResume } from "./operations.gen.js";
import { gatherPayload } from "./payload.js";
import type { Runtime } from "./runtime.js";

/*
 * How a step is answered, and the step that asks for no more than an answer: an event for a
 * subscriber. Most operations have no other, and go without an `Operation` then.
 */

/** Answers a step; the next one is in the slots. @returns The status of a refusal, or 0. */
export function answerStep(
  runtime: Runtime,
  holding: Holding,
  kind: AnswerKind,
  status: number,
  value: number,
  annotated: number,
): number {
  const { engine } = runtime;
  holding.step.serial++;
  const outer = engine.serve(runtime);
  const code = taskResume(engine, kind, status, 0, value, annotated, holding);
  engine.served = outer;
  return code;
}

/** Answers what a callable threw, or what its promise was rejected with. */
export function answerFailure(
  runtime: Runtime,
  holding: Holding,
  error: unknown,
  cancellation: Cancellation | undefined,
): void {
  const isCancelled = isCancellation(error) || cancellation?.isReason(error) === true;
  const kind = isCancelled ? AnswerKind.Cancel : AnswerKind.Error;
  const { engine } = runtime;
  engine.failure = error;
  const ref = engine.refs.lend(error);
  const code = answerStep(runtime, holding, kind, statusOf(error), ref, 0);
  engine.failure = undefined;
  if (code === 0) return;
  const refusal = engine.error(code);
  engine.refs.release(ref);
  throw refusal;
}

/**
 * The event of the step: as text, or for the only subscriber with what its data is now, of which
 * text is made when the subscriber looks (S5.5).
 */
function delivered(runtime: Runtime, holding: Holding): Event {
  const { core, refs } = runtime.engine;
  const line = holding.takeLine() ?? core.stepLine?.();
  const { slots } = core;
  const event = slots[STEP_EVENT]!;
  if (line === undefined) return readEvent(runtime, event);
  const ref = slots[STEP_SLOTS + EVENT_LINE_DATA]!;
  if (ref === 0) return new Event(line, core);
  const offset = slots[STEP_SLOTS + EVENT_LINE_DATA_OFFSET]!;
  const isLlmRequest = slots[STEP_SLOTS + EVENT_LINE_IS_LLM_REQUEST] !== 0;
  const data = gatherPayload(refs.get(ref), slots[STEP_SLOTS + EVENT_LINE_DATA_LIMIT]!);
  if (data.isNull) return readEvent(runtime, event);
  return new Event(new OpenLine(runtime, line, data, offset, isLlmRequest));
}

/** Gives an event to a subscriber, and answers. */
export function deliver(runtime: Runtime, holding: Holding, cancellation?: Cancellation): void {
  const { engine } = runtime;
  const callable = engine.refs.get(engine.core.slots[STEP_CALLABLE]!) as Function;
  holding.step.kind = StepKind.Deliver;
  try {
    const result: unknown = callable(delivered(runtime, holding));
    if (isThenable(result)) {
      disown(result);
      throw new InvalidState("a subscriber returned a promise, which nobody awaits");
    }
  } catch (error) {
    // S5.2: the core counts and logs it; the others and the work go on.
    answerFailure(runtime, holding, error, cancellation);
    return;
  }
  engine.check(answerStep(runtime, holding, AnswerKind.Value, 0, 0, 0));
}
