import { createSimulation } from "../../src/sim/index.ts";

const SITES = 3;
const STREAMS = 20;
/** Virtual, s. */
const SECONDS = 20;

/**
 * Events that the simulator handles per second of CPU time: three sites, and twenty streams that pass messages on, over
 * a network that loses one in twenty frames.
 */
export async function simulated(): Promise<number> {
  const sim = createSimulation({ seed: 1 });
  const engines = Array.from({ length: SITES }, (_, index) =>
    sim.createEngine(sim.machine(`m${index}`), { drop: 5 }),
  );
  const [first] = engines;
  if (first === undefined) throw new Error("there is no site");
  sim.createShell(first, async (shell) => {
    const names = Array.from({ length: STREAMS }, (_, index) => `stream-${index}`);
    const source = `export default {
      isolation: "inline",
      briefcase: { seen: 0 },
      on: { append(ctx, names) { ctx.briefcase.seen++; ctx.open(names[Math.floor(ctx.random() * names.length)]).append(names); } },
    };`;
    for (const [index, name] of names.entries()) {
      await shell.createStream(name, { at: `m${index % SITES}` });
      await shell.registerAgent(name, { source });
    }
    for (const name of names) await shell.append(name, names);
  });
  const before = process.cpuUsage();
  const { events } = await sim.run(SECONDS);
  const { user, system } = process.cpuUsage(before);
  return Math.round(events / ((user + system) / 1e6));
}
