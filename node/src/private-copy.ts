import { isLlmRequest, LlmRequest } from "./intercepts.js";

/*
 * Private copies (S3.10): the JSON containers of a value anew, which are arrays, plain objects and
 * maps; all else is shared. A copy is made level by level and not by recursion, for a payload may
 * be nested as deeply as it likes. Aliases and cycles stay what they are.
 */

type Container = unknown[] | Map<unknown, unknown> | Record<string, unknown>;

export function privateCopy(value: unknown): unknown {
  if (!isContainer(value)) return value;
  const made = new Map<object, Container>();
  const unfinished: Container[] = [];
  const copyOf = (original: Container): Container => {
    let copy = made.get(original);
    if (copy === undefined) {
      copy = shallowCopy(original);
      made.set(original, copy);
      unfinished.push(copy);
    }
    return copy;
  };
  const result = copyOf(value);
  for (let copy = unfinished.pop(); copy !== undefined; copy = unfinished.pop()) {
    finish(copy, copyOf);
  }
  return result;
}

/** A copy of a request without what observers never see (S3.6). Other values are copied whole. */
export function observersCopy(
  value: unknown,
  isCredential: (header: string) => boolean,
): unknown {
  let copy = privateCopy(value);
  if (!isLlmRequest(copy)) return copy;
  // An object of a class of the application's is shared, like a leaf.
  if (copy === value) {
    copy = { headers: privateCopy(copy.headers), content: privateCopy(copy.content) };
  }
  const request = copy as LlmRequest;
  request.headers = withoutCredentials(request, isCredential);
  return request;
}

function withoutCredentials(
  { headers }: LlmRequest,
  isCredential: (header: string) => boolean,
): unknown {
  if (!isContainer(headers) || Array.isArray(headers)) return headers;
  if (headers instanceof Map) {
    const isSecret = (name: unknown) => typeof name === "string" && isCredential(name);
    return new Map([...headers].filter(([name]) => !isSecret(name)));
  }
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isCredential(name)));
}

export function isContainer(value: unknown): value is Container {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === Object.prototype ||
    prototype === null ||
    prototype === Map.prototype ||
    prototype === LlmRequest.prototype
  );
}

function shallowCopy(value: Container): Container {
  if (Array.isArray(value)) return Array.prototype.slice.call(value);
  if (value instanceof Map) return new Map(value);
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return { ...value };
  return Object.assign(Object.create(prototype), value);
}

/** Puts copies in the place of the originals. */
function finish(copy: Container, copyOf: (original: Container) => Container): void {
  if (copy instanceof Map) {
    for (const [key, value] of copy) if (isContainer(value)) copy.set(key, copyOf(value));
    return;
  }
  const members = copy as Record<string, unknown>;
  for (const [name, value] of Object.entries(members)) {
    if (isContainer(value)) members[name] = copyOf(value);
  }
}

/** Whether containers of the same shape hold the very same leaves: a copy that nobody changed. */
export function isUnchangedCopy(value: unknown, original: unknown): boolean {
  const pending: [unknown, unknown][] = [[value, original]];
  const seen = new Map<unknown, Set<unknown>>();
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    const [one, other] = pair;
    if (Object.is(one, other) || seen.get(one)?.has(other)) continue;
    if (!isContainer(one) || !isContainer(other)) return false;
    if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
    seen.set(one, (seen.get(one) ?? new Set()).add(other));
    const [ones, others] = [entriesOf(one), entriesOf(other)];
    if (ones.length !== others.length) return false;
    for (const [index, [key, item]] of ones.entries()) {
      const [otherKey, otherItem] = others[index]!;
      if (!Object.is(key, otherKey)) return false;
      pending.push([item, otherItem]);
    }
  }
  return true;
}

function entriesOf(container: Container): [unknown, unknown][] {
  return container instanceof Map ? [...container] : Object.entries(container);
}
