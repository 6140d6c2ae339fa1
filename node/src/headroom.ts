import type { Engine } from "./engine.js";

/** How many callbacks may run within one another before each operation looks at the stack. */
const DEEP = 16;
/**
 * What an operation and the core need of the stack, in words; most of it JavaScript's own compiler,
 * when what ends an operation runs for the first time.
 */
const WORDS = new Array<number>(8192).fill(0);

/**
 * Makes sure that there is room on the stack for an operation that begins, so that it is not used
 * up in the midst of the core, where nothing could be put right any more (S4.3). What ends an
 * operation needs no more than what began it.
 *
 * @throws RangeError, the engine's own, before anything was done.
 */
export function checkHeadroom(engine: Engine): void {
  if (engine.nesting > DEEP) takeAll(...WORDS);
}

/** Its arguments are put on the stack. */
function takeAll(..._words: number[]): void {}
