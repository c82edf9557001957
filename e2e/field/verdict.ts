import type { FieldPlan } from "./plan.ts";
import type { RecordedFile } from "./recorded.ts";
import type { FieldOutcome } from "./run.ts";
import type { SentFrame } from "./sender.ts";

/** The end of the calm part is judged, ms. */
const JUDGED_MS = 5_000;
/** Of the pictures and packets of sound at the end, so many must be seen and heard. */
const SHARE_MIN = 0.95;
/** Lip-sync of a player, and of a file, ms. */
const SKEW_MS_MAX = 60;
/** A jump of one track by less than this looks like a way that varies, ms. */
const UNSEEN_MS = 100;
/** From capture to screen, at the end, ms: the target delay, the network, a screen's refresh, and what is left over. */
const LATENCY_MS_MAX = 350;
/** Two frames of a track in a file are not further apart than when they were captured, ms. */
const DISTANCE_MS_MAX = 80;
/** By how much a file may end later for sound than for pictures: lip-sync, and a packet, ms. */
const CUT_MS_MAX = SKEW_MS_MAX + 20;
/** What arrives later than this after its successors may be given up, ms. */
const REORDER_MS = 100;
/** So many frames of a source's beginning. */
const START_FRAMES = 4;
const KINDS = ["video", "audio"] as const;
/** What a site does not take although no medium is lost by it: repetitions, and reports that come before any medium. */
const NOT_MEDIA = ["duplicate", "untrusted-source", "malformed-rtcp"];

/** What is wrong in an outcome; empty when all is right. */
export function faultsOf(outcome: FieldOutcome): string[] {
  return [
    ...faultsOfRecording(outcome),
    ...faultsOfPlaying(outcome),
    ...faultsOfEnd(outcome),
    ...faultsOfFiles(outcome),
    ...faultsOfCuts(outcome),
  ];
}

/** Whether the plan's network loses anything, in any place. */
function loses({ linkLoss, troubles }: FieldPlan): boolean {
  return (
    linkLoss > 0 ||
    troubles.some(
      (each) => each.type === "loss" || (each.type === "jitter" && each.ms > REORDER_MS),
    )
  );
}

/**
 * Whether a recording may lack frames, as long as they are counted: where the network loses, and where a restart in the
 * middle of reordered packets, or of such as are held up, leaves open what belongs where.
 */
function mayLose(plan: FieldPlan): boolean {
  const has = (type: string): boolean => plan.troubles.some((each) => each.type === type);
  return loses(plan) || (has("restart") && has("jitter")) || restartsHeldUp(plan);
}

/** Whether datagrams of a run come after it has ended. */
function restartsHeldUp({ troubles }: FieldPlan): boolean {
  return troubles.some((hold) => {
    if (hold.type !== "hold") return false;
    const isWithin = (ms: number): boolean => ms >= hold.at && ms < hold.at + hold.ms;
    return troubles.some((each) => each.type === "restart" && isWithin(each.at));
  });
}

/** Whether timestamps go back by so little that they say another order. */
function stepsBack({ troubles }: FieldPlan): boolean {
  return troubles.some((each) => each.type === "jump" && each.ms < 0 && each.ms > -1_000);
}

/** Sent = recorded + counted. */
function faultsOfRecording({ plan, sent, files, recorder, ingestDrops }: FieldOutcome): string[] {
  const faults: string[] = [];
  const recorded = files.flatMap(({ frames }) => frames.map(({ id }) => id));
  const kept = new Set(recorded);
  if (kept.size !== recorded.length)
    faults.push(`recording: ${recorded.length - kept.size} frames are there twice`);
  const missing = sent.filter(({ id, lost }) => lost === 0 && !kept.has(id));
  // Those of the packets counted as lost that the sender's network did not lose.
  const lost = sent.reduce((all, frame) => all + frame.lost, 0);
  const given = Math.max(0, (recorder.drops["packets-lost"] ?? 0) - lost);
  const counted = sum(recorder.drops, "packets-lost") + given;
  const dropped = sum(ingestDrops, ...NOT_MEDIA);
  // A relay that joins cannot know that it lost the first packets of a source.
  const unknown = plan.linkLoss > 0 ? START_FRAMES : 0;
  if (missing.length > counted + dropped + unknown)
    faults.push(
      `recording: ${missing.length} of ${sent.length} frames missing (${idsOf(missing)}), ` +
        `${counted} counted ${JSON.stringify(recorder.drops)}, ingest ${JSON.stringify(ingestDrops)}`,
    );
  if (mayLose(plan)) return faults;
  if (dropped > 0) faults.push(`ingest: dropped ${JSON.stringify(ingestDrops)}`);
  if (missing.length > 0)
    faults.push(
      `recording: nothing was lost, but ${missing.length} frames (${idsOf(missing)}) are missing`,
    );
  return faults;
}

/** Shown once, in order, and never without what they refer to. */
function faultsOfPlaying({ plan, sent, shown, heard, broken, player }: FieldOutcome): string[] {
  const faults: string[] = [];
  if (broken.length > 0)
    faults.push(
      `player: ${broken.length} pictures decoded without their reference (${broken.slice(0, 5)})`,
    );
  for (const [kind, played] of [
    ["video", shown],
    ["audio", heard],
  ] as const) {
    const ids = played.map(({ id }) => id);
    if (new Set(ids).size !== ids.length) faults.push(`player: ${kind} was played twice`);
    const isOut = ids.some((id, index) => index > 0 && id < (ids[index - 1] as number));
    if (isOut && !stepsBack(plan)) faults.push(`player: ${kind} was played out of order`);
  }
  const first = shown[0]?.id;
  if (first === undefined) return [...faults, "player: no picture"];
  const seen = new Set(shown.map(({ id }) => id));
  const missing = sent.filter(
    ({ id, kind, lost }) => kind === "video" && lost === 0 && id > first && !seen.has(id),
  );
  const isWhole =
    !loses(plan) &&
    !plan.troubles.some(
      ({ type }) => type === "stall" || type === "jump" || type === "restart" || type === "pause",
    );
  if (isWhole && missing.length > player.framesDropped + 2)
    faults.push(
      `player: ${missing.length} pictures missing (${idsOf(missing)}), ${player.framesDropped} counted`,
    );
  return faults;
}

/**
 * By how much tracks may be apart because of a jump that nothing tells from a longer way, ms. Where no sender report
 * relates the tracks, their arrival at the ingest does, by the fastest packet of ten seconds: timestamps of one track
 * that go back by less than a network varies show only when that window has passed.
 */
function unseenJumpMs({ reports, troubles }: FieldPlan): number {
  if (reports !== "none" && reports !== "impossible") return 0;
  return troubles.reduce((all, each) => {
    const isUnseen = each.type === "jump" && each.of !== "both" && Math.abs(each.ms) < UNSEEN_MS;
    return isUnseen ? all + Math.abs(each.ms) : all;
  }, 0);
}

/** By the end of the calm part all is as at the beginning. */
function faultsOfEnd({ plan, sent, shown, heard, player }: FieldOutcome): string[] {
  const faults: string[] = [];
  const last = sent.at(-1)?.capturedAt ?? 0;
  const judged = sent.filter(
    ({ capturedAt, lost }) =>
      lost === 0 && capturedAt > last - JUDGED_MS && capturedAt < last - 600,
  );
  const played = { video: shown, audio: heard };
  const latency: Record<string, number> = {};
  for (const kind of KINDS) {
    if (kind === "audio" && !plan.audio) continue;
    const mine = judged.filter((frame) => frame.kind === kind);
    const times = new Map(played[kind].map(({ id, at }) => [id, at]));
    const there = mine.filter(({ id }) => times.has(id));
    const share = there.length / mine.length;
    // A link that loses may cost a group of pictures; sound that is repaired may come too late.
    const leastOnLossy = kind === "video" ? 0.5 : SHARE_MIN - plan.linkLoss;
    const least = plan.linkLoss > 0 ? leastOnLossy : SHARE_MIN;
    if (share < least) faults.push(`end: ${(100 * share).toFixed(0)} % of ${kind} was played`);
    latency[kind] = median(
      there.map(({ id, capturedAt }) => (times.get(id) as number) - capturedAt),
    );
    if ((latency[kind] as number) > LATENCY_MS_MAX)
      faults.push(`end: ${kind} is ${Math.round(latency[kind] as number)} ms late`);
  }
  const skew = (latency["video"] ?? Number.NaN) - (latency["audio"] ?? Number.NaN);
  if (Math.abs(skew) > SKEW_MS_MAX + unseenJumpMs(plan))
    faults.push(`end: video is ${Math.round(skew)} ms behind its sound`);
  if (player.latencyMs !== undefined && (player.latencyMs < -20 || player.latencyMs > 60_000))
    faults.push(`end: the player says that it is ${player.latencyMs} ms late`);
  return faults;
}

/** Times in files. */
function faultsOfFiles({ plan, sent, files }: FieldOutcome): string[] {
  const faults: string[] = [];
  const restarts = plan.troubles.some(({ type }) => type === "restart");
  // That a clock stood still, and the network did not, shows only after a while.
  const stoodMs = plan.troubles.reduce(
    (all, each) => (each.type === "pause" && !each.runsOn ? all + each.to - each.from : all),
    0,
  );
  for (const [index, { frames }] of files.entries()) {
    const times: Record<string, number[]> = { video: [], audio: [] };
    for (const kind of KINDS) {
      const mine = frames.filter((frame) => frame.kind === kind);
      for (const [at, frame] of mine.entries()) {
        const before = mine[at - 1];
        const captured = capturedAt(sent, frame.id);
        times[kind]?.push(frame.ms - captured);
        if (before === undefined) continue;
        const wide = frame.ms - before.ms;
        const real = captured - capturedAt(sent, before.id);
        if (wide < 0 && !stepsBack(plan))
          faults.push(`file ${index + 1}: ${kind} goes back by ${Math.round(-wide)} ms`);
        const drifted = 4 * Math.abs(plan.drift) * real;
        if (wide > real + DISTANCE_MS_MAX + stoodMs + drifted)
          faults.push(
            `file ${index + 1}: ${kind} has a gap of ${Math.round(wide)} ms where ${Math.round(real)} passed`,
          );
      }
    }
    if (restarts || plan.reports === "none" || plan.reports === "impossible") continue;
    if ((times["video"]?.length ?? 0) < 25 || (times["audio"]?.length ?? 0) < 25) continue;
    const skew =
      median((times["video"] ?? []).slice(-25)) - median((times["audio"] ?? []).slice(-25));
    const isShifted = plan.troubles.some((each) => each.type === "jump" || each.type === "pause");
    if (!isShifted && Math.abs(skew) > SKEW_MS_MAX)
      faults.push(`file ${index + 1}: video is ${Math.round(skew)} ms behind its sound`);
  }
  return faults.slice(0, 4);
}

/** A file has the sound of its pictures, and files follow each other. */
function faultsOfCuts({ plan, sent, files }: FieldOutcome): string[] {
  if (plan.segmentSeconds === undefined) return [];
  const faults: string[] = [];
  // Where tracks are not related, or were related otherwise before, so are their ends.
  const isRelated =
    (plan.reports === "good" || plan.reports === "outliers") &&
    !plan.troubles.some(({ type }) => type === "jump" || type === "pause" || type === "restart");
  for (const [index, { frames }] of files.entries()) {
    const next = files[index + 1];
    if (next === undefined) continue;
    const last: Record<string, number> = {};
    const first: Record<string, number> = {};
    for (const kind of KINDS) {
      const ids = (all: RecordedFile): number[] =>
        all.frames.filter((frame) => frame.kind === kind).map(({ id }) => id);
      last[kind] = Math.max(...ids({ frames }));
      first[kind] = Math.min(...ids(next));
      if ((last[kind] as number) > (first[kind] as number))
        faults.push(`file ${index + 1}: ${kind} ${last[kind]} belongs behind ${first[kind]}`);
    }
    const away = (id: number | undefined): number =>
      capturedAt(sent, id ?? Number.NaN) - capturedAt(sent, first["video"] ?? Number.NaN);
    const [before, behind] = [away(last["audio"]), away(first["audio"])];
    if (isRelated && plan.audio && before > CUT_MS_MAX)
      faults.push(`file ${index + 1}: has sound from ${Math.round(before)} ms after its end`);
    if (isRelated && plan.audio && behind < -CUT_MS_MAX)
      faults.push(`file ${index + 2}: has sound from ${Math.round(-behind)} ms before its start`);
  }
  return faults.slice(0, 4);
}

function capturedAt(sent: readonly SentFrame[], id: number): number {
  return sent[id]?.capturedAt ?? 0;
}

function sum(counts: Readonly<Record<string, number>>, ...except: readonly string[]): number {
  return Object.entries(counts).reduce(
    (all, [reason, count]) => (except.includes(reason) ? all : all + count),
    0,
  );
}

function idsOf(frames: readonly SentFrame[]): string {
  const some = frames.slice(0, 6).map(({ id, kind, run }) => `${kind[0]}${id}/${run}`);
  return `${some.join(" ")}${frames.length > 6 ? " …" : ""}`;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
}
