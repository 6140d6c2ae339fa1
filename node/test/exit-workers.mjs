// Starts programs that end without a word in worker threads; goes on itself.
import { Worker } from "node:worker_threads";
import { event } from "scopeflow";

for (let i = 0; i < 5; i++) {
  const worker = new Worker(new URL("./exit-open.mjs", import.meta.url));
  const code = await new Promise((resolve) => worker.on("exit", resolve));
  if (code !== 3) process.exit(100 + code);
}
event("the main thread goes on");
