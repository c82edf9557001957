/**
 * A counter that outlives `kill -9` of its site, and has counted every number once and in order afterwards.
 *
 *     meander run examples/surviving-counter.ts                    then kill the site that it names
 *     meander run examples/surviving-counter.ts -- --kill PID      kills that process itself (`meander sites` shows the ids)
 *     meander sim examples/surviving-counter.ts                    the simulated site crashes after two seconds
 */
import { defineAgent, type Shell } from "meander";
import type { Simulation } from "meander/sim";

/** So many before the script kills the site, and as many after the counter has come back. */
const STRETCH = 200;

const counting = defineAgent({
  name: "counter",
  briefcase: { count: 0, last: 0, wrong: 0 },
  on: {
    append: (ctx, message: number | "total") => {
      const { briefcase } = ctx;
      if (message === "total") return { ...briefcase, site: ctx.location };
      if (message !== briefcase.last + 1) briefcase.wrong++;
      briefcase.last = message;
      briefcase.count++;
      return briefcase.count;
    },
    failure: (ctx, { lostSite }) => {
      ctx.log(`${lostSite} is gone; I go on at ${ctx.location} from ${ctx.briefcase.count}`);
    },
  },
});

// biome-ignore lint/style/noDefaultExport: what `meander run` and `meander sim` call
export default async function survive(shell: Shell, args: readonly string[]): Promise<void> {
  const victim = processOf(args);
  const site = (await shell.sites()).find((name) => name !== shell.site);
  if (site === undefined) throw new Error("this takes a second site, for the counter to lose");
  const counter = await shell.createStream("counter", {
    at: site,
    durability: { type: "message" },
    failureManagers: [shell.site],
  });
  await counter.registerAgent(counting);
  console.log(`the counter is at ${site}`);
  if (victim === undefined) console.log(`counting until ${site} is killed (kill -9 its process)`);

  const seen = { loss: false };
  const watching = untilRecovered(shell).then(() => {
    seen.loss = true;
  });
  let appended = 0;
  while (!seen.loss) {
    await counter.append(++appended);
    if (appended === STRETCH && victim !== undefined) process.kill(victim, "SIGKILL");
    await shell.sleep(5);
  }
  await watching;
  const afterwards = appended + STRETCH;
  while (appended < afterwards) await counter.append(++appended);

  // In order behind all numbers: when it is answered, they have been counted.
  const { reply } = await counter.append("total", { until: "consumed", timeoutMs: 60_000 });
  const total = reply as { count: number; last: number; wrong: number; site: string };
  await counter.destroy();
  console.log(`appended ${appended}, counted ${total.count} (now at ${total.site})`);
  if (total.count !== appended || total.last !== appended || total.wrong > 0) {
    throw new Error(`the count is wrong: last ${total.last}, out of order ${total.wrong}`);
  }
  console.log("exact: none lost, none twice, none out of order");
}

/** Ends when another site has taken the counter over. */
async function untilRecovered(shell: Shell): Promise<void> {
  for await (const event of shell.events({ stream: "counter", types: ["recovered"] })) {
    if (event.type === "recovered") {
      console.log(`${event.lostSite} was lost; the counter is at ${event.to} now`);
      return;
    }
  }
}

function processOf(args: readonly string[]): number | undefined {
  if (args.length === 0) return undefined;
  const [option, id = ""] = args;
  if (option !== "--kill" || !/^[1-9]\d*$/.test(id)) {
    throw new Error(`got ${args.join(" ")}; expected --kill PID`);
  }
  return Number(id);
}

/** Three sites, of which the second crashes; only `meander sim` calls it. */
export function simulation(sim: Simulation): void {
  const [, second] = ["m0", "m1", "m2"].map((name) =>
    sim.createEngine(sim.machine(name), { drop: 5 }),
  );
  if (second !== undefined) sim.at(2, () => sim.crash(second));
}
