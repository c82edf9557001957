import { SeededRandom } from "../../src/base/index.ts";

/** Which tracks a trouble concerns. */
export type Concerned = "video" | "audio" | "both";

/** What happens to a sender or its network. Times are ms since the sender's beginning, by frames' capture. */
export type Trouble =
  /** Datagrams are lost between sender and site, each with `ratio`, in runs of `burst`. */
  | {
      readonly type: "loss";
      readonly of: Concerned;
      readonly from: number;
      readonly to: number;
      readonly ratio: number;
      readonly burst: number;
    }
  /** Datagrams arrive up to `ms` late, and out of order. */
  | { readonly type: "jitter"; readonly from: number; readonly to: number; readonly ms: number }
  /** Datagrams are held up for `ms`, and then come at once: a sender that stood still, or its way. */
  | { readonly type: "hold"; readonly at: number; readonly ms: number }
  /** Nothing is captured; timestamps go on with time, or stand still meanwhile. */
  | {
      readonly type: "pause";
      readonly of: Concerned;
      readonly from: number;
      readonly to: number;
      readonly runsOn: boolean;
    }
  /** Timestamps jump by `ms`, numbers go on. */
  | { readonly type: "jump"; readonly of: Concerned; readonly at: number; readonly ms: number }
  /** The sender ends and begins again after `gapMs`, with a key frame and other timestamps. */
  | {
      readonly type: "restart";
      readonly at: number;
      readonly gapMs: number;
      readonly ssrc: "same" | "new";
      /** Where its numbers begin: where they began at first, behind the last, or anywhere. */
      readonly numbers: "first" | "next" | "other";
      readonly bye: boolean;
      /** The input is closed and opened again meanwhile, as `publish` does. */
      readonly reopens: boolean;
    }
  /** The site that the audience watches stands still, as by SIGSTOP. */
  | { readonly type: "stall"; readonly at: number; readonly ms: number };

/** Something that a run is made of. */
export interface FieldPlan {
  readonly seed: number;
  /** Length of the part with troubles, ms; a calm part of {@link CALM_MS} follows. */
  readonly lengthMs: number;
  readonly video: {
    readonly fps: number;
    /** Frames from one key frame to the next. */
    readonly gop: number;
    readonly slices: number;
    /** Packets of each slice. */
    readonly packets: number;
    readonly marker: "last" | "each slice" | "none";
    readonly setsInBand: boolean;
  };
  readonly audio: boolean;
  /** Sender reports: none; each second; each second with one that is off by seconds now and then; without a clock. */
  readonly reports: "none" | "good" | "outliers" | "impossible";
  /** The sender's clock runs faster than ours by this share. */
  readonly drift: number;
  /** The audience's link loses datagrams. */
  readonly linkLoss: number;
  readonly troubles: readonly Trouble[];
  /** Length of a recorded file; undefined: one file. */
  readonly segmentSeconds: number | undefined;
}

/** Without troubles at the end of each plan, ms: by then everything is as at the beginning. */
export const CALM_MS = 12_000;
/** Without troubles at the beginning, ms. */
const QUIET_MS = 3_000;

/** The plan of a seed. */
export function drawPlan(seed: number): FieldPlan {
  const random = new SeededRandom(seed);
  const pick = <T>(...from: readonly T[]): T => from[Math.floor(random.float() * from.length)] as T;
  const between = (low: number, high: number): number => low + random.float() * (high - low);
  const concerned = (): Concerned => pick<Concerned>("video", "audio", "both");
  const span = (most: number): { from: number; to: number } => {
    const from = between(QUIET_MS, lengthMs - 1_000);
    return { from, to: Math.min(lengthMs, from + between(200, most)) };
  };
  const lengthMs = Math.round(between(6_000, 14_000));
  const trouble = (): Trouble => {
    switch (pick("loss", "jitter", "pause", "jump", "restart", "stall")) {
      case "loss":
        return {
          type: "loss",
          of: concerned(),
          ...span(8_000),
          ratio: pick(0.005, 0.01, 0.04, 0.2),
          burst: pick(1, 1, 4, 20),
        };
      case "jitter":
        return { type: "jitter", ...span(6_000), ms: pick(5, 20, 60) };
      case "pause":
        return { type: "pause", of: concerned(), ...span(6_000), runsOn: random.float() < 0.7 };
      case "jump":
        return {
          type: "jump",
          of: concerned(),
          at: between(QUIET_MS, lengthMs),
          ms: pick(7_200_000, -10_000, 90_000, 3_000, -3_000, -61),
        };
      case "restart":
        return {
          type: "restart",
          at: between(QUIET_MS, lengthMs - 500),
          gapMs: pick(0, 40, 300, 700, 3_000),
          ssrc: pick<"same" | "new">("same", "new"),
          numbers: pick<"first" | "next" | "other">("first", "next", "other"),
          bye: random.float() < 0.3,
          reopens: random.float() < 0.3,
        };
      default:
        return {
          type: "stall",
          at: between(QUIET_MS, lengthMs - 500),
          ms: pick(500, 2_000, 5_000),
        };
    }
  };
  const reports = pick<FieldPlan["reports"]>(
    "none",
    "good",
    "good",
    "good",
    "outliers",
    "impossible",
  );
  return {
    seed,
    lengthMs,
    video: {
      fps: pick(25, 30, 50),
      gop: pick(25, 50, 100),
      slices: pick(1, 1, 3),
      packets: pick(1, 2, 4),
      marker: pick<"last" | "each slice" | "none">("last", "last", "last", "each slice", "none"),
      setsInBand: random.float() < 0.7,
    },
    audio: random.float() < 0.8,
    reports,
    drift: pick(0, 0, 0, 0.0001, -0.0001, 0.001, ...(reports === "none" ? [0.04, -0.04] : [])),
    linkLoss: pick(0, 0, 0, 0.01, 0.05),
    troubles: Array.from({ length: pick(0, 1, 1, 1, 2, 3) }, trouble),
    segmentSeconds: pick(undefined, undefined, 2),
  };
}

/** The same plan, in which besides all datagrams of some time are held up. */
export function withHold(plan: FieldPlan): FieldPlan {
  const random = new SeededRandom(plan.seed ^ 0x401d);
  const at = QUIET_MS + random.float() * (plan.lengthMs - QUIET_MS - 1_000);
  const ms = [300, 700, 1_500, 3_000, 5_000][Math.floor(random.float() * 5)] as number;
  return { ...plan, troubles: [...plan.troubles, { type: "hold", at, ms }] };
}

/** The plans that lack one thing of a plan, for finding the least that fails. */
export function* lesserPlans(plan: FieldPlan): Generator<FieldPlan> {
  for (const [index] of plan.troubles.entries()) {
    yield { ...plan, troubles: plan.troubles.filter((_each, other) => other !== index) };
  }
  if (plan.linkLoss > 0) yield { ...plan, linkLoss: 0 };
  if (plan.segmentSeconds !== undefined) yield { ...plan, segmentSeconds: undefined };
  if (plan.drift !== 0) yield { ...plan, drift: 0 };
  if (plan.reports !== "good") yield { ...plan, reports: "good" };
  if (plan.audio) yield { ...plan, audio: false };
  if (plan.video.marker !== "last") yield { ...plan, video: { ...plan.video, marker: "last" } };
  if (plan.video.slices > 1) yield { ...plan, video: { ...plan.video, slices: 1 } };
  if (plan.video.packets > 1) yield { ...plan, video: { ...plan.video, packets: 1 } };
  if (!plan.video.setsInBand) yield { ...plan, video: { ...plan.video, setsInBand: true } };
}

/** Whether a trouble concerns a track. */
export function concerns(of: Concerned, kind: "video" | "audio"): boolean {
  return of === "both" || of === kind;
}
