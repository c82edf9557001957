import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError } from "../base/index.ts";
import type { Shell } from "../session/shell/index.ts";
import type { Engine, Machine, ShellScript, Simulation, SimulationResult } from "../sim/index.ts";
import { ScriptError, thrownError } from "./script-error.ts";
import type { Script } from "./script-loader.ts";
import { formatCommand, formatEntry, formatLog, formatResult, violated } from "./sim.ts";
import { simulateScript } from "./simulate-script.ts";

const OPTIONS = {
  args: ["a"],
  sites: ["m0", "m1"],
  untilSeconds: 5,
  again: "meander sim x.ts --seed 1",
};
const RESULT: SimulationResult = {
  seconds: 5,
  concluded: false,
  events: 12,
  trace: [],
  output: [],
  violations: [],
  consumed: 0,
  packetRatio: Number.NaN,
};

/** A world in which nothing happens but the scripts of its shells. */
class StillWorld {
  readonly engines: Engine[] = [];
  readonly shells: { readonly engine: Engine; readonly script: ShellScript }[] = [];
  isConcluded = false;

  get shellCount(): number {
    return this.shells.length;
  }
  machine(name: string): Machine {
    return { name };
  }
  createEngine(machine: Machine): Engine {
    const engine = { name: machine.name, machine };
    this.engines.push(engine);
    return engine;
  }
  createShell(engine: Engine, script: ShellScript): void {
    this.shells.push({ engine, script });
  }
  conclude(): void {
    this.isConcluded = true;
  }
  async run(seconds: number): Promise<SimulationResult> {
    for (const { engine, script } of this.shells) {
      await script({ site: engine.name } as Shell);
    }
    return { ...RESULT, seconds, concluded: this.isConcluded };
  }
}

function scriptOf(parts: Partial<Script>): Script {
  return {
    file: "/x.ts",
    main: async () => {},
    simulation: undefined,
    errorOf: (thrown) => thrownError(thrown, "/x.ts", []),
    ...parts,
  };
}

function simulate(world: StillWorld, script: Script): Promise<SimulationResult> {
  return simulateScript(world as unknown as Simulation, script, OPTIONS);
}

test("a script that says nothing of its world gets equal sites, a shell at the first, and its arguments", async () => {
  const world = new StillWorld();
  const seen: unknown[] = [];
  const main = async (shell: Shell, args: readonly string[]): Promise<void> => {
    seen.push(shell.site, args);
  };
  const { concluded, seconds } = await simulate(world, scriptOf({ main }));
  assert.deepEqual(seen, ["m0", ["a"]]);
  assert.deepEqual(
    world.engines.map(({ name }) => name),
    ["m0", "m1"],
  );
  assert.equal(concluded, true, "its end is the end of the run");
  assert.equal(seconds, 5);
});

test("a script that makes its own world and shells gets nothing besides", async () => {
  const world = new StillWorld();
  const seen: string[] = [];
  const script = scriptOf({
    main: async () => void seen.push("main"),
    simulation: async (simulation) => {
      const engine = simulation.createEngine(simulation.machine("alone"));
      simulation.createShell(engine, async (shell) => seen.push(shell.site));
    },
  });
  const { concluded } = await simulate(world, script);
  assert.deepEqual(seen, ["alone"]);
  assert.equal(concluded, false);
});

test("a world without a site is refused", async () => {
  const script = scriptOf({ simulation: async () => {} });
  await assert.rejects(
    simulate(new StillWorld(), script),
    (error) => error instanceof ScriptError && /created no engine/.test(error.what),
  );
});

test("an error of the script names the command that brings it again", async () => {
  const main = async (): Promise<void> => {
    throw new MeanderError("stream-unknown", "no stream has that name");
  };
  await assert.rejects(simulate(new StillWorld(), scriptOf({ main })), (error) => {
    assert.ok(error instanceof ScriptError);
    assert.equal(error.code, "stream-unknown");
    assert.match(error.next ?? "", /--seed 1$/);
    return true;
  });
});

test("a result says how long, how much and how it ended", () => {
  const [head, row] = formatResult(7, RESULT, (_style, text) => text).split("\n");
  assert.match(head ?? "", /^SEED +SIMULATED +END +EVENTS +MESSAGES +PACKET RATIO +VIOLATIONS$/);
  assert.match(row ?? "", /^7 +5 s +time was up +12 +0 +- +0$/);
  const other = {
    ...RESULT,
    seconds: 1.23456789,
    concluded: true,
    consumed: 4,
    packetRatio: 1.106,
  };
  assert.match(
    formatResult(7, other, (_style, text) => text),
    /1.23457 s +concluded +12 +4 +1.11 +0/,
  );
});

test("the command that does it again has what differs from its defaults, quoted for a shell", () => {
  const run = { file: "x.ts", seed: 7, until: undefined, sites: "origin,edge,north", args: [] };
  assert.equal(formatCommand(run), "meander sim x.ts --seed 7");
  assert.equal(
    formatCommand({ ...run, file: "it's.ts", until: 12, sites: "4", args: ["--kill", "a b"] }),
    "meander sim 'it'\\''s.ts' --seed 7 --until 12 --sites 4 -- --kill 'a b'",
  );
});

test("an entry of a trace is one line", () => {
  const entry = { seconds: 1.5, at: "m0", type: "frame-sent", detail: { to: "m1", first: 3 } };
  assert.equal(formatEntry(entry), "1.500000 m0 frame-sent to=m1 first=3");
});

test("a broken promise is told with what happened before, and the shortest run that shows it", () => {
  const log = [{ seconds: 1.5, at: "m0", type: "crashed", detail: {} }];
  const violation = {
    seconds: 1.2345,
    invariant: "I1",
    what: "out of order",
    streams: ["foo"],
    log,
  };
  assert.equal(formatLog(violation), "What happened last to foo:\n  1.500000 m0 crashed");
  const error = violated(violation, (until) => `meander sim x.ts --seed 7 --until ${until}`);
  assert.equal(error.code, "simulation-violated");
  assert.equal(error.what, "I1: out of order");
  assert.match(error.next ?? "", /meander sim x.ts --seed 7 --until 1235$/);
});
