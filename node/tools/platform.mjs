// Prints the platform for which this Node is, as the packages of native cores are named.

const { platform, arch, report } = process;
const libc = report.getReport().header.glibcVersionRuntime ? "gnu" : "musl";
process.stdout.write([platform, arch, ...(platform === "linux" ? [libc] : [])].join("-"));
