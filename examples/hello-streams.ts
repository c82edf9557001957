/**
 * The introductory program of the AGNI paper (its figures 2 and 4), line for line: `foo` passes on what it gets, `bar` prints it and
 * moves. The same file runs live and simulated:
 *
 *     meander run examples/hello-streams.ts
 *     meander sim examples/hello-streams.ts
 */
import { defineAgent, type Shell } from "meander";
import type { Simulation } from "meander/sim";

const passingOn = defineAgent({
  on: {
    // stream_open bar; on_stream_append { stream_append bar $argv }
    append: async (ctx, message: string) => {
      await ctx.open("bar").append(message);
    },
  },
});

const printing = defineAgent({
  // In Tcl the site is a number in the script; here it travels in the briefcase.
  briefcase: { next: "" },
  on: {
    // on_stream_append { puts "$argv"; stream_relocate 1 }
    append: (ctx, message: string) => {
      ctx.log(message);
      ctx.relocate(ctx.briefcase.next);
    },
    // on_stream_relocation { puts "I am at [stream_location]" }
    arrival: (ctx) => {
      if (ctx.location === ctx.briefcase.next) ctx.log(`I am at ${ctx.location}`);
    },
  },
});

// biome-ignore lint/style/noDefaultExport: what `meander run` and `meander sim` call
export default async function hello(shell: Shell, args: readonly string[]): Promise<void> {
  const [one, two] = args.length > 0 ? args : await shell.sites();
  if (one === undefined || two === undefined) {
    throw new Error(
      "this takes two sites; start a second one with: meander site --name two --join …",
    );
  }
  const foo = await shell.createStream("foo"); // stream_create foo
  const bar = await shell.createStream("bar"); // stream_create bar
  await foo.registerAgent(passingOn); // register_agent foo {} { … }
  await bar.registerAgent(printing, { briefcase: { next: one } }); // register_agent bar {} { … }
  await foo.move(one); // stream_move foo 1
  await bar.move(two); // stream_move bar 2
  const arrived = untilArrived(shell);
  await foo.append("Hello world"); // stream_append foo "Hello world"
  await arrived;
  // So that it can be run again; without this the streams stay, as in the paper.
  await Promise.all([foo.destroy(), bar.destroy()]);
}

/** Ends when `bar` has said where it is. */
async function untilArrived(shell: Shell): Promise<void> {
  for await (const event of shell.events({ stream: "bar", types: ["output"] })) {
    if (event.type === "output" && event.line.startsWith("I am at")) return;
  }
}

/** The parameters of figure 4; only `meander sim` calls it. */
export function simulation(sim: Simulation): void {
  const drop = 10; // set drop 10
  const m0 = sim.machine("m0"); // set m0 [ machine m0 ]
  const m1 = sim.machine("m1");
  sim.createEngine(m0, { drop }); // set e0 [ create_engine $m0 -d $drop ]
  sim.createEngine(m1, { drop });
  sim.sendLatency(m0, 0.0005); // sim_set_send_latency m0 .0005
  sim.sendLatency(m1, 0.0005);
  sim.executionTime("receive", 0.000015); // sim_set_execution_time "Tcl_FindHashEntry" 0.000015
  sim.executionTime("send", 0.000015); // sim_set_execution_time "Tcl_NextHashEntry" 0.000015
  sim.executionTime("arrival", 0.000015); // sim_set_execution_time "Arrival" 0.000015
}
