import { InvalidArgument } from "./errors.gen.js";

type Path = readonly (string | number)[];

/** An edit of the core (`codec_edit_request`). */
export type CodecEdit =
  | readonly [path: Path, kind: "set" | "insert", value: unknown]
  | readonly [path: Path, kind: "remove"];

type Container = unknown[] | Record<string, unknown>;

/**
 * A content with edits, applied in order. What is on the way to one is copied; all else is the very
 * object that it was.
 */
export function edited(content: unknown, edits: readonly CodecEdit[]): unknown {
  const root = copyOf(content, []);
  const copied = new Set<unknown>([root]);
  for (const edit of edits) {
    const [path] = edit;
    let at = root;
    for (const step of path.slice(0, -1)) {
      let next = at[step as never] as unknown;
      if (!copied.has(next)) {
        next = copyOf(next, path);
        copied.add(next);
        put(at, step, next);
      }
      at = next as Container;
    }
    apply(at, path[path.length - 1]!, edit);
  }
  return root;
}

function apply(at: Container, step: string | number, edit: CodecEdit): void {
  if (edit[1] === "set") {
    if (!isSame(at[step as never], edit[2])) put(at, step, edit[2]);
  } else if (edit[1] === "insert") {
    (at as unknown[]).splice(step as number, 0, edit[2]);
  } else if (Array.isArray(at)) {
    at.splice(step as number, 1);
  } else {
    delete at[step];
  }
}

/** A bigint is shown by the nearest number: one that is still shown by that was not edited. */
function isSame(old: unknown, shown: unknown): boolean {
  return typeof old === "bigint" && Number(old) === shown;
}

/** Not by assignment, which of the member `__proto__` makes something else. */
function put(at: Container, step: string | number, value: unknown): void {
  const attributes = { value, writable: true, enumerable: true, configurable: true };
  Object.defineProperty(at, step, attributes);
}

/** A copy of what an edit is in; what stands for something else becomes that. */
function copyOf(container: unknown, path: Path): Container {
  let found: unknown = container;
  const { toJSON } = Object(container) as { toJSON?: unknown };
  if (typeof toJSON === "function") found = toJSON.call(container, "");
  if (Array.isArray(found)) return [...found];
  if (found instanceof Map) return Object.fromEntries(found) as Container;
  if (found instanceof Set) return [...found];
  if (typeof found === "object" && found !== null) return { ...found };
  throw new InvalidArgument(`${JSON.stringify(path)} is inside of a ${typeof container}`);
}
