import type { StormPlan, Trouble } from "./storm-plan.ts";

/** What a storm has drawn, in one line for people. */
export function planWords(plan: StormPlan): string {
  const { sites, streams, loss, duplicates, reorder, durationMs } = plan;
  const troubles: (readonly [string, Trouble | undefined])[] = [
    ["crashes", plan.crashes],
    ["pauses", plan.pauses],
    ["leaves", plan.leaves],
    ["cuts", plan.cuts],
    ["half-open links", plan.halfOpens],
    ["clock jumps", plan.jumps],
    ["holds", plan.holds],
    ["process ends", plan.processEnds],
    ["poisons", plan.poisons],
    ["changes", plan.changes],
    ["policies", plan.policies],
  ];
  return [
    `${(durationMs / 1_000).toFixed(1)} s`,
    `${sites.length} sites (${driftWords(plan)}${sites.filter(({ processHopMs }) => processHopMs !== undefined).length} with processes)`,
    `streams ${streams.map(({ durability, isolation }) => `${durability.type}/${isolation}`).join(" ")}`,
    `loss ${percent(loss)}, duplicates ${percent(duplicates)}, reorder ${percent(reorder)}`,
    ...(plan.outage === undefined
      ? []
      : [`${plan.outage.site} out for ${plan.outage.lastsMs.toFixed(0)} ms (${plan.outage.kind})`]),
    ...troubles.flatMap(([name, trouble]) =>
      trouble === undefined
        ? []
        : [`${name} every ${trouble.everyMs.toFixed(0)} ms${lasts(trouble)}`],
    ),
    ...(plan.doubled === 0 ? [] : [`two at once ${percent(plan.doubled)}`]),
    ...plan.channels.map(
      ({ name, ingest, stack, sources }) =>
        `${name} by ${stack} from ${ingest}: ${[...sources].map(([site, from]) => `${from}>${site}`).join(" ")}`,
    ),
    `throws ${percent(plan.throws)}, in events ${percent(plan.eventThrows)}`,
  ].join("; ");
}

function driftWords({ sites }: StormPlan): string {
  const most = Math.max(...sites.map(({ driftPpm }) => Math.abs(driftPpm)));
  return most === 0 ? "" : `clocks off by up to ${most} ppm, `;
}

function lasts({ msMax }: Trouble): string {
  return msMax === 0 ? "" : ` for up to ${msMax.toFixed(0)} ms`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
