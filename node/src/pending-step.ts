import type { Core } from "./core.gen.js";
import {
  STEP_CALLABLE,
  STEP_CODEC_ACTION,
  STEP_ANNOTATED,
  STEP_EVENT,
  STEP_INPUT,
  STEP_INPUT_FLAGS,
  STEP_KIND,
  STEP_KINDS,
  STEP_MODEL_NAME,
  STEP_POSITION,
  STEP_REGISTRATION,
  STEP_REGISTRY,
  STEP_SCOPE,
  STEP_TARGET,
  STEP_TOOL_CALL_ID,
  STEP_VALUE,
} from "./core.gen.js";
import { CodecAction, StepKind } from "./enums.gen.js";

/**
 * Memory for a task, and what the core asks the host to do for it, kept while the host does it:
 * every other operation fills the slots anew. The texts are read when they are asked for, until the
 * step is answered. One operation after the other has it.
 */
export class PendingStep {
  kind: StepKind = StepKind.Done;
  registry = 0;
  inputFlags = 0;
  codecAction: CodecAction = CodecAction.DecodeRequest;
  kinds = 0;
  position = 0;
  callable = 0;
  input = 0;
  annotated = 0;
  decoded = 0;
  scope = 0;
  event = 0;
  /** Changes when it is answered: what it lends is gone then. */
  serial = 0;
  /** Address of the memory for a task. */
  readonly task: number;
  /** Where the texts are. */
  private readonly places = [0, 0, 0, 0, 0, 0, 0, 0];

  constructor(private readonly core: Core) {
    this.task = core.taskNew();
  }

  read(slots: Float64Array): void {
    this.kind = slots[STEP_KIND]!;
    this.callable = slots[STEP_CALLABLE]!;
    this.input = slots[STEP_INPUT]!;
    this.scope = slots[STEP_SCOPE]!;
    // The target is called: the core says no more (node/native/step_line.h).
    if (this.kind === StepKind.Execute && this.callable === 0) return;
    this.registry = slots[STEP_REGISTRY]!;
    this.inputFlags = slots[STEP_INPUT_FLAGS]!;
    this.codecAction = slots[STEP_CODEC_ACTION]!;
    this.kinds = slots[STEP_KINDS]!;
    this.position = slots[STEP_POSITION]!;
    this.annotated = slots[STEP_ANNOTATED]!;
    this.decoded = slots[STEP_VALUE]!;
    this.event = slots[STEP_EVENT]!;
    this.keepText(0, slots, STEP_REGISTRATION);
    this.keepText(2, slots, STEP_TARGET);
    this.keepText(4, slots, STEP_TOOL_CALL_ID);
    this.keepText(6, slots, STEP_MODEL_NAME);
  }

  get registration(): string {
    return this.text(0);
  }

  get target(): string {
    return this.text(2);
  }

  get toolCallId(): string | undefined {
    return this.text(4) || undefined;
  }

  get modelName(): string | undefined {
    return this.text(6) || undefined;
  }

  private keepText(place: number, slots: Float64Array, slot: number): void {
    this.places[place] = slots[slot]!;
    this.places[place + 1] = slots[slot + 1]!;
  }

  private text(place: number): string {
    const size = this.places[place + 1]!;
    return size === 0 ? "" : this.core.text(this.places[place]!, size);
  }
}
