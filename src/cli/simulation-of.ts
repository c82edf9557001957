import { MeanderError } from "../base/index.ts";
import type { Simulation, SimulationOptions } from "../sim/index.ts";

/** Makes an empty world. */
export async function openSimulation(options: SimulationOptions): Promise<Simulation> {
  const sim = (await import("../sim/index.ts")) as {
    createSimulation?: (options: SimulationOptions) => Simulation;
  };
  if (sim.createSimulation === undefined) {
    throw new MeanderError("simulation-invalid", "this build has no simulator");
  }
  return sim.createSimulation(options);
}
