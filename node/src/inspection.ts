/** The method by which an object tells Node what to show of it, instead of all that is inside. */
export const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom");

/** Node's own function, with which such a method shows what it wants to be seen. */
export type Inspect = (value: unknown, options: object) => string;
