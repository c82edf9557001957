import assert from "node:assert/strict";
import { test } from "node:test";
import { MeanderError, VirtualClock } from "../../base/index.ts";
import type { InputSnapshot } from "../contract/plane-snapshot.ts";
import type { PublishAnswer } from "../contract/views.ts";
import type { SiteClient } from "../site-client.ts";
import { holdInput, type Publication, publishingOf } from "./publication.ts";

const ANSWER: PublishAnswer = { channel: "clip", id: 1, host: "127.0.0.1", tracks: [] };

interface Rig {
  readonly publication: Publication;
  readonly clock: VirtualClock;
  readonly calls: string[];
  /** Ends what is published by itself. */
  finish(error?: MeanderError): void;
  /** What the site has, or why it does not answer. */
  inputs: readonly Pick<InputSnapshot, "name" | "kind">[] | Error;
}

function rig(): Rig {
  const clock = new VirtualClock();
  const calls: string[] = [];
  let finish: Rig["finish"] = () => {};
  const ended = new Promise<MeanderError | undefined>((resolve) => {
    finish = resolve;
  });
  const state: { inputs: Rig["inputs"] } = { inputs: [{ name: "main", kind: "rtp" }] };
  const client = {
    url: "http://127.0.0.1:7000",
    channel: async () => {
      if (state.inputs instanceof Error) throw state.inputs;
      return { snapshot: { inputs: state.inputs } };
    },
    unpublish: async (channel: string, input: string) =>
      void calls.push(`unpublish ${channel} ${input}`),
  } as unknown as SiteClient;
  const options = {
    ...publishingOf({ site: "http://127.0.0.1:7000", channel: "clip", clock }),
    client,
  };
  const stop = (): void => {
    calls.push("stop");
    finish();
  };
  const publication = holdInput(options, ANSWER, { ended, stop });
  return Object.assign(state, { publication, clock, calls, finish });
}

async function looks(clock: VirtualClock, count: number): Promise<void> {
  for (let look = 0; look < count; look++) {
    clock.advance(1_000);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
}

test("what ends by itself closes its input", async () => {
  const { publication, calls, finish } = rig();
  finish();
  assert.equal(await publication.ended, undefined);
  assert.deepEqual(calls, ["stop", "unpublish clip main"]);
});

test("closing stops what is published, then closes its input; twice is fine", async () => {
  const { publication, calls } = rig();
  await Promise.all([publication.close(), publication.close()]);
  assert.equal(calls.at(-1), "unpublish clip main");
  assert.equal(calls.filter((call) => call.startsWith("unpublish")).length, 1);
});

test("a failure of what is published is told", async () => {
  const { publication, finish } = rig();
  finish(new MeanderError("ffmpeg-failed", "no such file"));
  assert.equal((await publication.ended)?.code, "ffmpeg-failed");
});

test("a site that restarts and opens the input again is forgiven, one that stays away is lost", async () => {
  const the = rig();
  the.inputs = new Error("connection refused");
  await looks(the.clock, 15);
  the.inputs = [];
  await looks(the.clock, 2);
  the.inputs = [{ name: "main", kind: "rtp" }];
  await looks(the.clock, 5);
  assert.deepEqual(the.calls, []);
  the.inputs = new Error("connection refused");
  await looks(the.clock, 20);
  const error = await the.publication.ended;
  assert.equal(error?.code, "publication-lost");
  assert.match(error?.message ?? "", /connection refused/);
  assert.deepEqual(the.calls, ["stop"], "there is no input to close");
});

test("an input that the site has no more is lost, though a site of that name feeds the channel", async () => {
  const the = rig();
  the.inputs = [{ name: "main", kind: "site" }];
  await looks(the.clock, 3);
  assert.match((await the.publication.ended)?.message ?? "", /no longer has that input/);
});
