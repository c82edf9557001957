/**
 * Virtual worlds: the code that ships, on a virtual clock and virtual links.
 *
 * @module
 */
export { createSimulation } from "./create-simulation.ts";
export {
  RelayWorld,
  type RelayWorldOptions,
  type WorldViewer,
} from "./relay-world.ts";
export { drawRelayPlan, type RelayFault, type RelayPlan } from "./relays/relay-plan.ts";
export { type RelayStormReport, relayStorm, runRelayStorm } from "./relays/relay-storm.ts";
export type {
  Engine,
  EngineOptions,
  KernelStep,
  Machine,
  ShellScript,
  SimulatedOutput,
  Simulation,
  SimulationOptions,
  SimulationResult,
  TimedStep,
  TraceEntry,
  Violation,
} from "./simulation.ts";
export { Storm, type StormOptions, type StormReport } from "./storm/storm.ts";
export { accountOf, longestGap, type ViewerAccount } from "./viewer-account.ts";
export { WorldPublisher } from "./world-publisher.ts";
