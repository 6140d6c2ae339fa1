// A child of `compare.mjs`: milliseconds that the first import of a package takes.
//
//     node importing.mjs <package>

const beganAtNs = process.hrtime.bigint();
await import(process.argv[2]);
process.stdout.write(String(Number(process.hrtime.bigint() - beganAtNs) / 1e6));
