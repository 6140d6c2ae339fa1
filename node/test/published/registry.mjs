// A registry on loopback that has what was packed, as if it had been published, and nothing else.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";

const BLOCK = 512;

/** The package.json of a tarball. */
function manifestOf(tarball) {
  const tar = gunzipSync(tarball);
  for (let at = 0; at < tar.length; ) {
    const field = (start, size) => tar.toString("utf8", at + start, at + start + size);
    const size = parseInt(field(124, 12), 8) || 0;
    if (field(0, 100).split("\0")[0] === "package/package.json") {
      return JSON.parse(tar.toString("utf8", at + BLOCK, at + BLOCK + size));
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  throw new Error("no package.json in the tarball");
}

/** What the registry says of a package; `tarball` is undefined for one that cannot be fetched. */
function entry(manifest, address, tarball) {
  const { name, version } = manifest;
  const sum = (kind, form) => createHash(kind).update(tarball ?? "").digest(form);
  const dist = {
    tarball: address,
    shasum: sum("sha1", "hex"),
    integrity: `sha512-${sum("sha512", "base64")}`,
  };
  const versions = { [version]: { ...manifest, dist } };
  return { name, "dist-tags": { latest: version }, versions };
}

/** `@scopeflow/core-linux-arm64-musl` is for that platform only. */
function otherPlatform(name, version) {
  const [os, cpu, libc] = name.slice("@scopeflow/core-".length).split("-");
  const kind = { gnu: "glibc", musl: "musl" }[libc];
  return { name, version, os: [os], cpu: [cpu], ...(kind ? { libc: [kind] } : {}) };
}

/** The tarballs in a folder. */
function tarballsIn(folder) {
  const all = existsSync(folder) ? readdirSync(folder) : [];
  const names = all.filter((name) => name.endsWith(".tgz"));
  if (names.length > 0) return names;
  throw new Error(`no tarball is in ${folder}: build the target scopeflow_node_packages first`);
}

/**
 * Serves a folder of tarballs.
 *
 * @returns Its address, and how to end it. Rejected if nothing was packed.
 */
export async function openRegistry(folder) {
  // Before the server is there, which would keep the process.
  const names = tarballsIn(folder);
  const tarballs = new Map();
  const entries = new Map();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url);
    const content = path.startsWith("/-/")
      ? tarballs.get(path.slice(3))
      : JSON.stringify(entries.get(path.slice(1)));
    response.writeHead(content === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(content ?? "{}");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${server.address().port}`;
  const manifests = names.map((name) => {
    const tarball = readFileSync(join(folder, name));
    const manifest = manifestOf(tarball);
    tarballs.set(basename(name), tarball);
    entries.set(manifest.name, entry(manifest, `${address}/-/${name}`, tarball));
    return manifest;
  });
  for (const { optionalDependencies = {}, version } of manifests) {
    for (const name of Object.keys(optionalDependencies)) {
      if (entries.has(name)) continue;
      entries.set(name, entry(otherPlatform(name, version), `${address}/-/none.tgz`));
    }
  }
  return { address, manifests, close: () => server.close() };
}
