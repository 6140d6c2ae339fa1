import { BUILD_HASH } from "./build.js";
import type { Core } from "./core.gen.js";
import { ABI_HASH } from "./enums.gen.js";
import { InvalidState } from "./errors.gen.js";

/** Which core runs. */
export interface CoreInfo {
  /** `native` is the addon of the platform, `wasm` the WebAssembly build. */
  readonly kind: "native" | "wasm";
  /** The core's version, which is the package's. */
  readonly version: string;
  /** What the core is made of, 16 hexadecimal digits: equal for both kinds of one release. */
  readonly buildHash: string;
  /** Why the WebAssembly build runs where a native core was looked for. */
  readonly reason?: string;
}

/**
 * Refuses a core that was not made with this package (S6.3).
 *
 * @param where The file that the core comes from.
 * @throws InvalidState with both numbers.
 */
export function checkCore<C extends Core>(core: C, where: string): C {
  const abiHash = core.abiHash();
  const title = `the ${core.kind} core ${core.version()} (${where})`;
  if (abiHash !== ABI_HASH) {
    throw new InvalidState(
      `scopeflow: ${title} was built for the interface ${abiHash}, this package for ${ABI_HASH}; ` +
        "install both from one release",
    );
  }
  const buildHash = core.buildHash();
  if (buildHash !== BUILD_HASH) {
    throw new InvalidState(
      `scopeflow: ${title} is of the build ${buildHash}, this package of the build ` +
        `${BUILD_HASH}; install both from one release`,
    );
  }
  return core;
}
