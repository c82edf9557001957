/**
 * Virtual worlds: the code that ships, on a virtual clock and virtual links.
 *
 * @module
 */
export { accountOf, longestGap, type ViewerAccount } from "./channels/viewer-account.ts";
export { WorldPublisher } from "./channels/world-publisher.ts";
export type { WorldViewer } from "./channels/world-viewer.ts";
export { createSimulation } from "./create-simulation.ts";
export { drawRelayPlan, type RelayFault, type RelayPlan } from "./relays/relay-plan.ts";
export { type RelayStormReport, relayStorm, runRelayStorm } from "./relays/relay-storm.ts";
export { RelayWorld, type RelayWorldOptions } from "./relays/relay-world.ts";
export type {
  Engine,
  EngineOptions,
  KernelStep,
  Machine,
  ShellScript,
  SimulatedOutput,
  SimulatedPublisher,
  SimulatedViewer,
  Simulation,
  SimulationOptions,
  SimulationResult,
  TimedStep,
  TraceEntry,
  Violation,
} from "./simulation.ts";
export { Storm, type StormOptions, type StormReport } from "./storm/storm.ts";
