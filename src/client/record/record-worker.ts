/** The entry of a recorder's thread: it watches as any viewer does, and may block on its disk. */
import { parentPort } from "node:worker_threads";
import { assert, every, messageOf, SystemClock } from "../../base/index.ts";
import { openBlockingFile } from "../../media/index.ts";
import { watchChannel } from "../watch/index.ts";
import { ChannelRecorder } from "./channel-recorder.ts";
import type { FromRecorder, ToRecorder } from "./messages.ts";

const STATUS_MS = 500;

const parent = parentPort;
assert(parent !== null, "the recorder's entry runs in a worker thread");
const tell = (message: FromRecorder): void => parent.postMessage(message);
const clock = new SystemClock();
let recorder: ChannelRecorder | undefined;

parent.on("message", (message: ToRecorder) => {
  if (message.type === "finish") void recorder?.finish();
  else record(message).catch((error: unknown) => tell({ type: "ended", reason: messageOf(error) }));
});

async function record({ request, target }: ToRecorder & { type: "start" }): Promise<void> {
  const name = "recorder";
  const recording = new ChannelRecorder(request, {
    clock,
    openFile: openBlockingFile,
    watch: (events) =>
      watchChannel(target.site, request.channel, events, {
        ...{ name, clock, follow: false },
        ...{ token: target.token, trust: target.trust },
      }),
    onEvent: (event) => tell({ type: "event", event }),
  });
  recorder = recording;
  const tellStatus = (): void => tell({ type: "status", status: recording.status });
  every(clock, "recorder's status", STATUS_MS, tellStatus);
  await recording.start();
  const error = await recording.ended;
  tellStatus();
  tell({ type: "ended", reason: error?.message ?? null });
}
