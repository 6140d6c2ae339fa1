// A worker thread that queues events for a file and ends without a flush.
import { parentPort, workerData } from "node:worker_threads";
import { AtofExporter, event } from "scopeflow";

const { ending, ...config } = workerData;
new AtofExporter(config).register("file");
for (let i = 0; i < 1000; i++) event("mark " + i);
parentPort.postMessage("queued");
if (ending === "stay") setInterval(() => {}, 1000);
else if (ending !== "") process.exit(0);
