import type { Engine } from "./engine.js";
import { InvalidState } from "./errors.gen.js";
import { INSPECT, type Inspect } from "./inspection.js";
import { UNWATCHED } from "./watch.js";

/** Something that lives in the core. The core's reference to it is given back when it is let go. */
export class Handle {
  /** @internal */
  readonly engine: Engine;
  /** @internal 0 once it was let go. */
  protected pointer: number;
  /** @internal Of its watch. */
  place = UNWATCHED;
  /** @internal What keeps the core's object of an ended scope (Engine.bury). */
  keeper: object | undefined;

  /** @internal */
  constructor(engine: Engine, address: number) {
    this.engine = engine;
    this.pointer = address;
  }

  /** @internal Its address in the core. Throws InvalidState once it was let go. */
  get address(): number {
    return this.pointer === 0 ? this.missing() : this.pointer;
  }

  /** @internal The address of one that was let go, for handles that have another then. */
  protected missing(): number {
    throw new InvalidState("the handle was let go");
  }

  /** What Node shows of it: not the engine, which is the same for all. */
  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    return `${this.constructor.name} ${inspect(this.shown(), options)}`;
  }

  /** @internal What is to be seen of it. */
  protected shown(): object {
    return {};
  }

  /** @internal Whether this is where it is. */
  isAt(address: number): boolean {
    return this.pointer === address;
  }

  /** @internal Makes the handle unusable; gives the address that it had, 0 the second time. */
  detach(): number {
    const address = this.pointer;
    this.pointer = 0;
    return address;
  }
}
