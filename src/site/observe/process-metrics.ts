import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { Counter, collectDefaultMetrics, Histogram, type Registry } from "prom-client";

/** The library's own look at the event loop, which is not used, wakes the thread this often, ms. */
const NEVER_MS = 86_400_000;
/** Upper bounds of the durations of garbage collection, s. */
const COLLECTION_SECONDS = [0.001, 0.01, 0.1, 1, 2, 5];
const COLLECTIONS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "major",
  [constants.NODE_PERFORMANCE_GC_MINOR]: "minor",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "incremental",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weakcb",
};

/**
 * Adds the measurements of the process that Prometheus users expect of Node. Processor time counts from the start of
 * the process, garbage collections from this call on.
 */
export function watchProcess(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
  // The library's contain the time between two looks, and are no numbers before the first. The site has its own.
  for (const { name } of registry.getMetricsAsArray()) {
    const isReplaced = name.startsWith("process_cpu_") || name === "nodejs_gc_duration_seconds";
    if (isReplaced || name.startsWith("nodejs_eventloop_lag_")) registry.removeSingleMetric(name);
  }
  // The library's begin with its first look.
  const processor: Readonly<Record<string, (usage: NodeJS.CpuUsage) => number>> = {
    user_seconds: ({ user }) => user,
    system_seconds: ({ system }) => system,
    seconds: ({ system, user }) => system + user,
  };
  for (const [name, microseconds] of Object.entries(processor)) {
    new Counter({
      name: `process_cpu_${name}_total`,
      help: "Processor time since the process was started",
      registers: [registry],
      collect() {
        this.reset();
        this.inc(microseconds(process.cpuUsage()) / 1e6);
      },
    });
  }
  // The library counts one of those that are reported together.
  const collections = new Histogram({
    name: "nodejs_gc_duration_seconds",
    help: "Garbage collections by kind: major, minor, incremental or weakcb",
    labelNames: ["kind"],
    buckets: COLLECTION_SECONDS,
    registers: [registry],
  });
  new PerformanceObserver((list) => {
    // The types of Node 20 do not know the details of garbage collections.
    for (const entry of list.getEntries() as (PerformanceEntry & { detail?: unknown })[]) {
      const { kind = -1 } = (entry.detail ?? {}) as { readonly kind?: number };
      collections.observe({ kind: COLLECTIONS[kind] ?? "other" }, entry.duration / 1000);
    }
  }).observe({ entryTypes: ["gc"] });
}
