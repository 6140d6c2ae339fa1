import { isGiven } from "./checks.js";
import { Registry } from "./enums.gen.js";
import { InvalidArgument } from "./errors.gen.js";
import { RegistrationListOperations, registrationListNew } from "./operations.gen.js";
import type { Runtime } from "./runtime.js";
import { ScopeHandle } from "./scope.js";

/** One registration, as `Runtime.registrations` lists it. */
export interface Registration {
  /** Where it stands. */
  registry: Registry;
  /** What it was registered as. */
  name: string;
  /** Lower comes first (S3.2); 0 where the registry has no order. */
  priority: number;
  /** Of a request intercept: no later one runs after it (S3.5). */
  breaksChain: boolean;
  /** Of a gate: the registries that it is about; otherwise none. */
  gated: Registry[];
  /** Of a gate: the name of the registration that it is about; otherwise empty. */
  target: string;
}

/** @internal What one owner has registered now, in the order of registration. */
export function registrationsOf(runtime: Runtime, owner?: ScopeHandle | null): Registration[] {
  if (isGiven(owner) && !(owner instanceof ScopeHandle)) {
    throw new InvalidArgument("owner must be a scope handle");
  }
  const { engine } = runtime;
  const address = registrationListNew(engine, { runtime, owner: owner ?? undefined });
  const list = new RegistrationListOperations(engine, address);
  try {
    const found: Registration[] = [];
    for (let read = list.read(0); read.name !== ""; read = list.read(found.length)) {
      const { kinds, ...others } = read;
      found.push({ ...others, gated: registriesIn(kinds) });
    }
    return found;
  } finally {
    engine.core.registrationListFree(list.detach());
  }
}

function registriesIn(bits: number): Registry[] {
  const all = Object.values(Registry).filter((value) => typeof value === "number");
  return all.filter((registry) => (bits >>> (registry - 1)) & 1);
}
