import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../base/index.ts";
import { PlayoutRig, type Seen, type World } from "./playout.test.support.ts";

const TARGET_MS = 120;
/** What a viewer notices of lip-sync, ms. */
const SKEW_MS = 60;
/** Start of what disturbs, ms; before, everything is in order. */
const AT = 10_000;
const SEEDS = [1, 2, 3, 4, 5];

type Kind = "audio" | "video";
const rate = (kind: Kind): number => (kind === "audio" ? 48 : 90);
const exact = (kind: Kind, ms: number): number => Math.round(ms * rate(kind));

async function played(
  world: World,
  ms: number,
  options: ConstructorParameters<typeof PlayoutRig>[0] = {},
): Promise<PlayoutRig> {
  const rig = new PlayoutRig({ ...options, world });
  await rig.run(ms);
  return rig;
}

/** Everything is as without the disturbance. */
function assertGood(seen: Seen, what: string, ms = 5_000): void {
  const text = `${what}: ${JSON.stringify(seen)}`;
  assert.ok(seen.pictures >= (ms / 40) * 0.97, text);
  assert.ok(seen.sounds >= (ms / 20) * 0.9, text);
  assert.ok(Math.abs(seen.skewMs) < SKEW_MS, text);
  assert.ok(Math.abs(seen.soundLatencyMs - (TARGET_MS + 12)) < 50, text);
  assert.ok(seen.longestPictureGapMs < 200, text);
  assert.ok(seen.longestSoundGapMs < 200, text);
}

/** Sound is back within a second of `from`, and after `settleMs` everything is good. */
function assertRecovers(rig: PlayoutRig, from: number, what: string, settleMs = 3_000): void {
  const first = rig.sounds.find(({ at }) => at >= from);
  assert.ok(first !== undefined && first.at < from + 1_000, `${what}: sound at ${first?.at}`);
  const gap = rig.seen(from + 1_000, from + settleMs).longestSoundGapMs;
  assert.ok(gap < 500, `${what}: silence of ${gap} ms`);
  assertGood(rig.seen(from + settleMs, from + settleMs + 5_000), what);
}

test("picture and sound come the target delay after their capture, together", async () => {
  for (const seed of SEEDS) {
    const rig = await played({}, 12_000, { seed });
    assertGood(rig.seen(3_000, 8_000), `seed ${seed}`);
    const { avSkewMs, latencyMs } = rig.playout.stats();
    assert.ok(Math.abs(avSkewMs ?? 999) < SKEW_MS);
    assert.ok(Math.abs((latencyMs ?? 999) - TARGET_MS) < 40, `${latencyMs}`);
  }
});

test("sound goes on through losses of 1 % and 4 %, and in bursts", async () => {
  for (const share of [0.01, 0.04]) {
    for (const seed of SEEDS) {
      const random = new SeededRandom(seed);
      const world: World = { loses: (kind) => kind === "audio" && random.float() < share };
      const rig = await played(world, 30_000, { seed });
      assertGood(rig.seen(20_000, 25_000), `${share}, seed ${seed}`);
      assert.equal(rig.playout.stats().delayMs, TARGET_MS);
    }
  }
  const burst: World = { loses: (kind, ms) => kind === "audio" && ms % 3_000 < 160 };
  const rig = await played(burst, 30_000);
  const seen = rig.seen(20_000, 25_000);
  assert.ok(seen.sounds > 220 && Math.abs(seen.skewMs) < SKEW_MS, JSON.stringify(seen));
});

test("sound that pauses is heard again, with and without comfort noise, at the same delay", async () => {
  for (const pauseMs of [500, 1_000, 2_000, 5_000]) {
    for (const noise of [false, true]) {
      const world: World = {
        ticks: (kind, ms) => {
          const isSilent = kind === "audio" && ms >= AT && ms < AT + pauseMs;
          return isSilent && !(noise && ms % 400 === 0) ? undefined : exact(kind, ms);
        },
      };
      const rig = await played(world, AT + pauseMs + 9_000, { seed: pauseMs });
      assertRecovers(rig, AT + pauseMs, `${pauseMs} ms, ${noise}`);
      const during = rig.seen(AT, AT + pauseMs);
      assert.ok(during.longestPictureGapMs < 120, `the picture goes on: ${JSON.stringify(during)}`);
    }
  }
});

test("a decoder that holds sound back, or makes it of chunks behind a pause, changes no times", async () => {
  const rig = new PlayoutRig({
    world: {
      ticks: (kind, ms) =>
        kind === "audio" && ms >= AT && ms < AT + 2_000 ? undefined : exact(kind, ms),
    },
  });
  rig.heldSounds = 2;
  await rig.run(AT + 12_000);
  assertRecovers(rig, AT + 2_000, "held");
});

test("a pause of everything leaves no trace, with and without reports", async () => {
  for (const pauseMs of [1_000, 3_000, 12_000]) {
    for (const reports of ["all", "no sender reports", "none"]) {
      const world: World = {
        ticks: (kind, ms) => (ms >= AT && ms < AT + pauseMs ? undefined : exact(kind, ms)),
        reportErrorMs: () => (reports === "all" ? 0 : undefined),
        noIngestReports: reports === "none",
      };
      const rig = await played(world, AT + pauseMs + 9_000, { seed: pauseMs + 1 });
      assertRecovers(rig, AT + pauseMs, `${pauseMs} ms, reports: ${reports}`);
    }
  }
});

test("a pause in which the timestamps stand still leaves no trace", async () => {
  for (const pauseMs of [1_000, 3_000, 12_000]) {
    for (const seed of SEEDS) {
      const paused = (ms: number): boolean => ms >= AT && ms < AT + pauseMs;
      const world: World = {
        ticks: (kind, ms) => (paused(ms) ? undefined : exact(kind, ms < AT ? ms : ms - pauseMs)),
      };
      const rig = await played(world, AT + pauseMs + 12_000, { seed });
      assertRecovers(rig, AT + pauseMs, `${pauseMs} ms, seed ${seed}`, 5_000);
      const { latencyMs } = rig.playout.stats();
      assert.ok(latencyMs === undefined || Math.abs(latencyMs - TARGET_MS) < 60, `${latencyMs}`);
    }
  }
});

test("timestamps that jump interrupt nothing, of both tracks or of one, with and without reports", async () => {
  for (const jumpMs of [7_200_000, -7_200_000, -10_000, 10_000]) {
    for (const which of ["both", "video", "audio"]) {
      for (const isReported of [true, false]) {
        const world: World = {
          ticks: (kind, ms) =>
            exact(kind, ms) +
            (ms >= AT && (which === "both" || which === kind) ? jumpMs * rate(kind) : 0),
          reportErrorMs: () => (isReported ? 0 : undefined),
        };
        const rig = await played(world, AT + 9_000, { seed: Math.abs(jumpMs) });
        const what = `${jumpMs} ms of ${which}, reports: ${isReported}`;
        const seen = rig.seen(AT - 500, AT + 2_000);
        assert.ok(seen.longestPictureGapMs < 250, `${what}: ${JSON.stringify(seen)}`);
        assert.ok(seen.longestSoundGapMs < 250, `${what}: ${JSON.stringify(seen)}`);
        assertGood(rig.seen(AT + 3_000, AT + 8_000), what);
        const { latencyMs } = rig.playout.stats();
        assert.ok(latencyMs === undefined || Math.abs(latencyMs - TARGET_MS) < 60, `${latencyMs}`);
      }
    }
  }
});

test("the wrap of the timestamps is not noticed", async () => {
  const world: World = {
    ticks: (kind, ms) => 2 ** 32 - 5_000 * rate(kind) + exact(kind, ms),
  };
  const rig = await played(world, 12_000);
  assertGood(rig.seen(4_000, 9_000), "wrap");
});

test("a program that stood still, and a way that was interrupted, leave no trace", async () => {
  for (const stallMs of [1_000, 5_000, 12_000, 20_000]) {
    const stopped = await played(
      { stops: (ms) => ms >= AT && ms < AT + stallMs },
      AT + stallMs + 9_000,
      { seed: stallMs },
    );
    assertRecovers(stopped, AT + stallMs, `stopped ${stallMs} ms`);
    const random = new SeededRandom(stallMs);
    const stalled = await played(
      {
        transitMs: (_, ms) =>
          (ms >= AT && ms < AT + stallMs ? AT + stallMs - ms : 0) + 10 + random.float() * 8,
      },
      AT + stallMs + 9_000,
      { seed: stallMs },
    );
    assertRecovers(stalled, AT + stallMs, `stalled ${stallMs} ms`);
  }
});

test("a player that stood still and continues live, without what it missed, is back at once", async () => {
  for (const stallMs of [3_000, 6_000, 20_000]) {
    const end = AT + stallMs;
    const rig = await played(
      {
        stops: (ms) => ms >= AT && ms < end,
        loses: (_, ms) => ms > AT + 2_000 && ms < end - 500,
      },
      end + 12_000,
      { seed: stallMs },
    );
    assertRecovers(rig, end, `${stallMs} ms`);
    const { latencyMs } = rig.playout.stats();
    assert.ok(Math.abs((latencyMs ?? 999) - TARGET_MS) < 40, `${stallMs} ms: ${latencyMs}`);
  }
});

test("a way that catches up slowly is followed", async () => {
  const world: World = {
    // A stall of 4 s, and then twice the pace of the media.
    transitMs: (_, ms) =>
      10 +
      (ms < AT
        ? 0
        : Math.max(
            0,
            ms < AT + 4_000 ? AT + 4_000 - ms + (ms - AT) / 2 : 2_000 - (ms - AT - 4_000) / 2,
          )),
  };
  const rig = await played(world, AT + 20_000);
  assertGood(rig.seen(AT + 13_000, AT + 18_000), "slow");
});

test("a drift of either clock changes no delay", async () => {
  for (const drift of [0.04, -0.04, 0.01, -0.01, 0.001]) {
    for (const isReported of [true, false]) {
      const world: World = {
        ticks: (kind, ms) => exact(kind, ms * (1 + drift)),
        reportErrorMs: () => (isReported ? 0 : undefined),
      };
      const rig = await played(world, 60_000, { seed: 3 });
      for (const from of [20_000, 35_000, 50_000]) {
        const seen = rig.seen(from, from + 5_000);
        const what = `${drift} at ${from}, reports: ${isReported}: ${JSON.stringify(seen)}`;
        assert.ok(Math.abs(seen.skewMs) < SKEW_MS, what);
        assert.ok(Math.abs(seen.pictureLatencyMs - 132) < 80, what);
        assert.ok(seen.pictures >= 120 && seen.sounds >= 225, what);
      }
    }
  }
});

test("an encoder that delays the picture delays the sound with it, once the publisher has reported", async () => {
  for (const encoderMs of [300, 900]) {
    const rig = new PlayoutRig({ seed: encoderMs, encoderMs: { audio: 0, video: encoderMs } });
    await rig.run(20_000);
    const seen = rig.seen(10_000, 15_000);
    assert.ok(Math.abs(seen.skewMs) < SKEW_MS, JSON.stringify(seen));
    assert.ok(Math.abs(seen.pictureLatencyMs - encoderMs - 132) < 60, JSON.stringify(seen));
    rig.encoderMs.video = 0;
    await rig.run(30_000);
    const less = rig.seen(45_000, 50_000);
    assert.ok(Math.abs(less.skewMs) < SKEW_MS, JSON.stringify(less));
    assert.ok(Math.abs(less.pictureLatencyMs - 132) < 60, JSON.stringify(less));
    rig.encoderMs.video = encoderMs;
    await rig.run(30_000);
    const more = rig.seen(75_000, 80_000);
    assert.ok(Math.abs(more.skewMs) < SKEW_MS, JSON.stringify(more));
    assert.ok(Math.abs(more.pictureLatencyMs - encoderMs - 132) < 60, JSON.stringify(more));
  }
});

test("a sender report that is far off has no effect, and times that cannot be are none", async () => {
  const errors: Readonly<Record<string, (ms: number) => number>> = {
    outlier: (ms) => (ms >= AT && ms < AT + 1_000 ? 800 : 0),
    noisy: (ms) => ((ms * 7_919) % 61) - 30,
    zero: () => -1_700_000_000_000,
    decades: () => 1_000_000_000_000,
  };
  for (const [name, error] of Object.entries(errors)) {
    for (const which of ["video", "audio"]) {
      const world: World = {
        reportErrorMs: (kind, ms) => (kind === which ? error(ms) : 0),
      };
      const rig = await played(world, AT + 9_000);
      assertGood(rig.seen(AT - 2_000, AT + 3_000), `${name} of ${which}`);
      assertGood(rig.seen(AT + 3_000, AT + 8_000), `${name} of ${which}`);
    }
  }
});

test("a dead track does not delay the other, and neither does one that is hopelessly late", async () => {
  const dead: World = {
    ticks: (kind, ms) => (kind === "audio" && ms >= AT ? undefined : exact(kind, ms)),
    transitMs: (kind) => (kind === "audio" ? 400 : 10),
  };
  const rig = await played(dead, AT + 30_000);
  const seen = rig.seen(AT + 20_000, AT + 25_000);
  assert.ok(Math.abs(seen.pictureLatencyMs - 132) < 60, JSON.stringify(seen));

  const late: World = {
    transitMs: (kind, ms) => (kind === "audio" && ms >= AT && ms < AT + 15_000 ? 4_000 : 10),
  };
  const other = await played(late, AT + 40_000);
  const during = other.seen(AT + 9_000, AT + 14_000);
  assert.ok(Math.abs(during.pictureLatencyMs - 132) < 60, `during: ${JSON.stringify(during)}`);
  assert.ok(during.sounds > 150, `it is heard by itself: ${JSON.stringify(during)}`);
  assertGood(other.seen(AT + 30_000, AT + 35_000), "back in time");
});

test("a decoder that is slow for a while is waited for, and the delay is given back", async () => {
  const rig = new PlayoutRig();
  await rig.run(5_000);
  rig.decodeMs.video = 38;
  await rig.run(5_000);
  rig.decodeMs.video = 4;
  await rig.run(15_000);
  assertGood(rig.seen(18_000, 23_000), "given back");
  assert.ok(rig.playout.stats().delayMs < TARGET_MS + 50);
});

test("pictures that wait move with their track when the publisher corrects how it relates to the sound", async () => {
  // The picture seemed to be late until then, and the sound waited for it.
  const world: World = {
    reportErrorMs: (kind, ms) => (kind === "video" && ms < AT ? -1_000 : 0),
  };
  const rig = await played(world, AT + 10_000, { targetDelayMs: 400 });
  const captured = new Set(rig.pictures.map(({ at, latencyMs }) => Math.round(at - latencyMs)));
  for (let ms = AT; ms < AT + 9_000; ms += 40) assert.ok(captured.has(ms), `the picture of ${ms}`);
  assert.ok(rig.seen(AT - 2_000, AT).soundLatencyMs > 1_300, "the sound waited");
  const seen = rig.seen(AT, AT + 9_000);
  assert.ok(seen.longestPictureGapMs < 120, JSON.stringify(seen));
  assert.ok(Math.abs(rig.seen(AT + 6_000, AT + 9_000).skewMs) < SKEW_MS);
});

test("a picture that begins, or comes back, interrupts no sound", async () => {
  for (const begins of [true, false]) {
    const world: World = {
      ticks: (kind, ms) => {
        const isAbsent = begins ? ms < AT : ms >= AT && ms < AT + 12_000;
        return kind === "video" && isAbsent ? undefined : exact(kind, ms);
      },
    };
    const rig = await played(world, AT + 20_000, { seed: 4 });
    const { longestSoundGapMs } = rig.seen(AT - 4_000, AT + 18_000);
    assert.ok(longestSoundGapMs < 60, `${longestSoundGapMs} ms of silence, begins: ${begins}`);
    assertGood(rig.seen(AT + 14_000, AT + 19_000), `begins: ${begins}`);
  }
});
