// Values that JSON text cannot say (tests/vectors/README.md), and ways into payloads.

class AbortError extends Error {
  name = "AbortError";
}

export function makeError({ type, message }, isCancellation) {
  const Base = isCancellation ? AbortError : Error;
  const Made = { [type]: class extends Base {} }[type];
  return new Made(message);
}

export function isCancellation(error) {
  return error instanceof AbortError;
}

class Foreign extends WeakMap {}

export const fixtures = {
  cycle() {
    const root = { child: { list: [] } };
    root.child.list.push(root, root.child);
    return root;
  },
  shared() {
    const list = [1];
    return { a: list, b: list };
  },
  integers: () => ({
    max: 2n ** 64n - 1n,
    min: -(2n ** 63n),
    over: 2n ** 64n,
    under: -(2n ** 63n) - 1n,
  }),
  not_finite: () => ({ nan: NaN, plus: Infinity, minus: -Infinity, zero: -0 }),
  bytes: () => ({ empty: new Uint8Array(), some: new Uint8Array([0, 1, 2, 0xfe, 0xff]) }),
  set: () => new Set([10, 2, 1, "b", "a"]),
  too_deep() {
    let list = [];
    for (let i = 1; i < 130; i++) list = [list];
    return list;
  },
  foreign: () => ({ value: new Foreign() }),
  opaque: () => new Foreign(),
  surrogate: () => ({ text: "a\ud800b" }),
  integer_key: () => new Map([[7, "seven"]]),
};

/** A text by which payloads are compared, those too that JSON cannot say; keys are sorted. */
export function textOf(payload) {
  const above = [];
  return String(
    JSON.stringify(payload, function (_, value) {
      while (above.length > 0 && above[above.length - 1] !== this) above.pop();
      if (typeof value !== "object" || value === null) {
        return typeof value === "bigint" || Number.isNaN(value) ? String(value) : value;
      }
      if (above.some((plain) => plain === value || plain.source === value)) return "a cycle";
      const plain = plainCopy(value);
      Object.defineProperty(plain, "source", { value, enumerable: false });
      above.push(plain);
      return plain;
    }),
  );
}

function plainCopy(value) {
  if (Array.isArray(value) || value instanceof Set || value instanceof Map) return [...value];
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** All containers in a payload. */
export function containersOf(payload) {
  const found = new Set();
  const left = [payload];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null || found.has(value)) continue;
    if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) continue;
    found.add(value);
    left.push(...Object.values(value));
  }
  return found;
}

/** Sets the member of a payload to which names lead, with `/` between them. */
export function setAt(payload, path, value) {
  const names = path.split("/");
  const last = names.pop();
  names.reduce((at, name) => at[name], payload)[last] = value;
}

export function removeAt(payload, path) {
  const names = path.split("/");
  const last = names.pop();
  const owner = names.reduce((at, name) => at[name], payload);
  if (Array.isArray(owner)) owner.splice(Number(last), 1);
  else delete owner[last];
}
