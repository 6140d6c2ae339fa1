import {
  readScopeRemains,
  SCOPE_REMAINS_ATTRIBUTES,
  SCOPE_REMAINS_IS_RETIRED,
  SCOPE_REMAINS_STARTED_AT,
  SCOPE_REMAINS_UUID,
} from "./core.gen.js";
import type { Engine } from "./engine.js";
import type { ScopeType } from "./enums.gen.js";

/**
 * What a scope was opened with, for the time after its end. A context may hold its handle for long,
 * though hardly anybody asks an ended scope for anything: the core gives its memory back at once,
 * which would wait for the garbage collector otherwise, and makes the scope anew for who asks.
 */
export class Opened {
  // Its id and its start, word by word as the core gives them. So they take no object of their own.
  private id0 = 0;
  private id1 = 0;
  private id2 = 0;
  private id3 = 0;
  private start0 = 0;
  private start1 = 0;
  private attributes = 0;

  constructor(
    private readonly name: string,
    private readonly type: ScopeType,
    /** Subtype of a custom scope, id of a tool's call, model of an LLM's call, or empty. */
    private readonly detail: string,
  ) {}

  /**
   * Gives an ended scope back to the core, if it can make it anew.
   *
   * @returns Whether it could: the address is nobody's any more then.
   */
  retire(engine: Engine, address: number): boolean {
    engine.check(engine.core.scopeRetire(address));
    const { slots } = engine.core;
    if (slots[SCOPE_REMAINS_IS_RETIRED] === 0) return false;
    this.id0 = slots[SCOPE_REMAINS_UUID]! | 0;
    this.id1 = slots[SCOPE_REMAINS_UUID + 1]! | 0;
    this.id2 = slots[SCOPE_REMAINS_UUID + 2]! | 0;
    this.id3 = slots[SCOPE_REMAINS_UUID + 3]! | 0;
    this.start0 = slots[SCOPE_REMAINS_STARTED_AT]! | 0;
    this.start1 = slots[SCOPE_REMAINS_STARTED_AT + 1]! | 0;
    this.attributes = slots[SCOPE_REMAINS_ATTRIBUTES]!;
    return true;
  }

  /**
   * Makes a scope anew that was retired.
   *
   * @param runtime The address of its runtime.
   * @param parent That of its parent; 0 is the root.
   * @returns The scope's, with a reference to it.
   */
  recall(engine: Engine, runtime: number, parent: number): number {
    const { core } = engine;
    const { slots } = core;
    slots[SCOPE_REMAINS_UUID] = this.id0 >>> 0;
    slots[SCOPE_REMAINS_UUID + 1] = this.id1 >>> 0;
    slots[SCOPE_REMAINS_UUID + 2] = this.id2 >>> 0;
    slots[SCOPE_REMAINS_UUID + 3] = this.id3 >>> 0;
    slots[SCOPE_REMAINS_STARTED_AT] = this.start0;
    slots[SCOPE_REMAINS_STARTED_AT + 1] = this.start1 >>> 0;
    const { uuid, startedAtNs } = readScopeRemains(core);
    const { name, detail, type, attributes } = this;
    engine.check(
      core.scopeRecall(runtime, parent, name, detail, type, attributes, uuid, startedAtNs),
    );
    return core.slots[0]!;
  }
}
