// An exporter of one's own: a subscriber that keeps each scope and call as a row of a table.

import { Event, registerSubscriber, ScopeType, tool, withScope } from "scopeflow";

interface Span {
  category: string | null;
  name: string;
  startedAt: string;
  endedAt?: string;
  status: unknown;
}

class TableExporter {
  /** Spans by their id, in the order in which they began. */
  readonly spans = new Map<string, Span>();

  readonly export = ({ uuid, category, name, timestamp, metadata, scope_category }: Event) => {
    const span = this.spans.get(uuid);
    if (scope_category === "start") {
      this.spans.set(uuid, { category, name, startedAt: timestamp, status: "open" });
    } else if (span !== undefined) {
      Object.assign(span, { endedAt: timestamp, status: metadata?.["otel.status_code"] });
    }
  };

  /** How many there are of each kind and name, and how many of them failed. */
  *summary(): Generator<string> {
    const spans = [...this.spans.values()];
    for (const title of new Set(spans.map(({ category, name }) => `${category} ${name}`))) {
      const all = spans.filter(({ category, name }) => `${category} ${name}` === title);
      const failed = all.filter(({ status }) => status === "ERROR").length;
      const tookTime = all.every(({ startedAt, endedAt }) => endedAt! > startedAt);
      yield `${title}: ${all.length} in all, ${failed} failed` + (tookTime ? ", timed" : "");
    }
  }
}

const measure = tool(function measure(room: string): number {
  if (room === "cellar") throw new RangeError("no thermometer in the cellar");
  return 21.5;
});

const exporter = new TableExporter();
registerSubscriber("table", exporter.export);
await withScope("heating", ScopeType.Agent, () => {
  for (const room of ["kitchen", "cellar", "attic"]) {
    try {
      console.log(room, measure(room));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      console.log(error.message);
    }
  }
});

for (const line of exporter.summary()) console.log(line);
