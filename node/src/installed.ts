import type { Engine } from "./engine.js";
import { InvalidState } from "./errors.gen.js";

let engine: Engine | undefined;

/** Sets the engine that all runtimes of this thread use. */
export function installEngine(made: Engine): void {
  if (engine !== undefined) throw new InvalidState("scopeflow was initialised already");
  engine = made;
}

export function isInstalled(): boolean {
  return engine !== undefined;
}

export function installedEngine(): Engine {
  if (engine === undefined) {
    throw new InvalidState("scopeflow was not initialised: await init() first");
  }
  return engine;
}
