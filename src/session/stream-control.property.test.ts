import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../base/index.ts";
import type { Durability } from "../stream/index.ts";
import { ControlWorld } from "./control-world.test.support.ts";
import { refuse } from "./scripted-site.test.support.ts";

const SITES = ["north", "south", "west"] as const;
const STREAMS = ["a", "b", "c"] as const;
const DURABILITIES: readonly Durability[] = [
  { type: "none" },
  { type: "checkpoint", every: 5 },
  { type: "message" },
];

type Step =
  | { readonly type: "create"; readonly stream: string; readonly at: string; readonly kind: number }
  | { readonly type: "move"; readonly stream: string; readonly to: string }
  | { readonly type: "attach" | "detach" | "destroy" | "settle"; readonly stream: string }
  | { readonly type: "kill" | "freeze" | "thaw" | "cut" | "mend" | "start"; readonly site: string }
  | { readonly type: "refuse" | "obey"; readonly site: string }
  | { readonly type: "evacuate"; readonly site: string }
  | { readonly type: "restart" }
  | { readonly type: "wait"; readonly ms: number };

const site = fc.constantFrom(...SITES);
const anySite = fc.constantFrom(...SITES, "origin");
const stream = fc.constantFrom(...STREAMS);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant("create" as const), stream, at: anySite, kind: fc.nat(2) }),
    fc.record({ type: fc.constant("move" as const), stream, to: anySite }),
    fc.record({ type: fc.constantFrom("attach", "detach", "destroy", "settle"), stream }),
    fc.record({ type: fc.constantFrom("kill", "freeze", "thaw", "cut", "mend", "start"), site }),
    fc.record({ type: fc.constantFrom("refuse", "obey", "evacuate"), site }),
    fc.constant({ type: "restart" as const }),
    fc.record({ type: fc.constant("wait" as const), ms: fc.constantFrom(0, 300, 2_500, 16_000) }),
  ),
  { minLength: 5, maxLength: 40, size: "max" },
);

test("whatever is asked and whatever fails: no streamEpoch falls, no id comes twice, and in the end each stream is where its record says", async () => {
  let recovered = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      await using world = await ControlWorld.make(...SITES);
      const epochs = new Map<number, number>();
      const falls: string[] = [];
      await observe(world, epochs, falls);
      for (const [index, name] of STREAMS.entries()) {
        const options = { durability: DURABILITIES[index], failureManagers: ["west", "south"] };
        await world.create(name, SITES[index] ?? "origin", options as never);
      }
      const requests: Promise<unknown>[] = [];
      for (const step of sequence) {
        const request = ask(world, step);
        if (request !== undefined) requests.push(request.catch(() => {}));
        else await disturb(world, step);
        await world.quiet();
        if (step.type === "restart") await observe(world, epochs, falls);
      }
      await world.settled(Promise.all(requests));
      for (const name of SITES) await heal(world, name);
      // By then leases have run out, and sites were asked what they have.
      await world.advance(LIMITS.leaseMs + 20_000);
      await checkAll(world);
      assert.deepEqual(falls, []);
      recovered += world.events.filter(({ type }) => type === "recovered").length;
    }),
    { numRuns: 60, seed: Number(process.env["SEED"] ?? 11) },
  );
  assert.ok(recovered > 30, `streams were recovered: ${recovered}`);
});

/** Epochs never fall, and no id comes back. */
async function observe(
  world: ControlWorld,
  epochs: Map<number, number>,
  falls: string[],
): Promise<void> {
  await world.directory.watch("streams/", (change) => {
    if (change.type !== "put") return;
    const { id, streamEpoch } = change.entry.value as { id: number; streamEpoch: number };
    const before = epochs.get(id) ?? 0;
    if (streamEpoch < before) falls.push(`stream ${id}: ${before} to ${streamEpoch}`);
    epochs.set(id, streamEpoch);
  });
}

/** The request to the leader; undefined when the step is not a request. */
function ask(world: ControlWorld, step: Step): Promise<unknown> | undefined {
  const by = "anonymous";
  switch (step.type) {
    case "create": {
      const durability = DURABILITIES[step.kind] ?? { type: "none" };
      const failureManagers = ["west", "south"];
      return world.create(step.stream, step.at, { durability, failureManagers });
    }
    case "move":
      return world.move(step.stream, step.to);
    case "attach":
      return world.attach(step.stream, "agent");
    case "detach":
      return world.ask("detach-agent", { stream: step.stream, agent: "agent", by });
    case "destroy":
      return world.ask("destroy-stream", { stream: step.stream, by });
    case "settle": {
      const settle = async (): Promise<unknown> => {
        const id = (await world.record(step.stream))?.id ?? 1;
        return await world.ask("settle-move", { id, move: "any" });
      };
      return settle();
    }
    case "evacuate":
      return world.ask("evacuate-site", { site: step.site, by });
    default:
      return undefined;
  }
}

async function disturb(world: ControlWorld, step: Step): Promise<void> {
  if (step.type === "restart") await world.restartLeader();
  else if (step.type === "wait") await world.advance(step.ms);
  else if ("site" in step) await disturbSite(world, step.type, step.site);
}

async function disturbSite(world: ControlWorld, type: string, name: string): Promise<void> {
  const target = world.site(name);
  if (type === "kill" && !target.ended) world.kill(target);
  if (type === "start" && target.ended) await world.join(name);
  if (type === "freeze") target.frozen = true;
  if (type === "thaw") target.thaw();
  if (type === "cut" && target.connected) world.disconnect(target);
  if (type === "mend" && !target.connected && !target.ended) world.connect(target);
  if (type === "refuse") {
    target.script = ({ type: kind }) =>
      kind === "recover" || kind === "move-out" ? refuse("site-full") : undefined;
  }
  if (type === "obey") target.script = () => undefined;
}

async function heal(world: ControlWorld, name: string): Promise<void> {
  for (const type of ["obey", "thaw", "start", "mend"]) await disturbSite(world, type, name);
}

async function checkAll(world: ControlWorld): Promise<void> {
  const expected = new Map<string, number>();
  for (const name of STREAMS) {
    const record = await world.record(name);
    if (record === undefined) continue;
    assert.equal(record.status, "live", `${name}: ${record.why}`);
    const host = world.site(record.site);
    assert.equal(record.instance, host.instance, `${name} is at a site that runs`);
    assert.equal(
      host.residents.get(record.id)?.streamEpoch,
      record.streamEpoch,
      `${name} is there`,
    );
    assert.equal(host.residents.get(record.id)?.move, undefined, `${name} has arrived`);
    expected.set(`${record.site} ${record.id}`, record.streamEpoch);
  }
  const there = world.sites.flatMap((each) =>
    [...each.residents]
      .filter(([, { move }]) => move === undefined)
      .map(([id]) => `${each.name} ${id}`),
  );
  assert.deepEqual(there.sort(), [...expected.keys()].sort());
}
