/*
 * The symbols of `using` and `await using`, which older browsers lack; there what is made by hand
 * takes the place of a member that would be called "undefined".
 */

export const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");
