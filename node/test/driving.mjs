// What the ways to call have in common is written as generators that yield promises.

/** What a failed case says. */
export class Mismatch extends Error {}

export function fail(message) {
  throw new Mismatch(message);
}

export function equal(actual, expected, what) {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) fail(`${what}:\n  got      ${left}\n  expected ${right}`);
}

/** Gives a promise of what the generator returns. */
export async function drive(steps, next = steps.next()) {
  while (!next.done) {
    try {
      next = steps.next(await next.value);
    } catch (error) {
      next = steps.throw(error);
    }
  }
  return next.value;
}

/** Gives what the generator returns; it must not wait. */
export function driveSync(steps) {
  const { done, value } = steps.next();
  if (!done) fail("a step waits in a sync run");
  return value;
}

/** Gives what the generator returns, and a promise of it only if it waits. */
export function driveSoon(steps) {
  const next = steps.next();
  return next.done ? next.value : drive(steps, next);
}
