import { type Clock, SILENT } from "../../base/index.ts";
import { type DatagramSocket, loadNative, openDatagramSocket } from "../../transport/index.ts";
import type { Check } from "./checks.ts";

type Finding = Omit<Check, "name">;

/** What is sent: a train where the kernel takes it. */
const PIECES = 4;
const PIECE_BYTES = 1_000;
const PROBE_MS_MAX = 2_000;

/** What to do about each reason for sending one by one. */
const NEXT: Readonly<Record<string, string>> = {
  "not-linux": "for full speed, run it on Linux on x64 or arm64",
  "no-library": "for full speed: npm install koffi",
  "no-descriptor": "for full speed, use a version of Node that Meander is tested with, such as 20",
  "kernel-refused": "for full speed, let the sandbox or container allow sendmmsg and recvmmsg",
};

/** Whether one system call can carry many datagrams here, tested over loopback. */
export async function checkDatagrams(clock: Clock): Promise<Finding> {
  const { absence, calls } = loadNative({ disabled: false });
  if (calls === undefined) return onePerCall(absence);
  const common = { host: "127.0.0.1", port: 0, clock, log: SILENT, native: calls };
  await using sender = await openDatagramSocket(common);
  await using receiver = await openDatagramSocket({ ...common, coalesced: true });
  const { mode, reason } = sender.stats;
  if (mode === "plain") return onePerCall(reason ?? "");
  const arrived = await sendTrain(sender, receiver, clock);
  const lacks = [
    ...(sender.stats.segments === PIECES ? [] : ["UDP_SEGMENT"]),
    ...(arrived === 1 ? [] : ["UDP_GRO"]),
  ];
  if (lacks.length === 0) {
    return { status: "ok", found: "many per system call, with UDP_SEGMENT and UDP_GRO" };
  }
  const found = `many per system call, without ${lacks.join(" and ")}`;
  return { status: "warn", found, next: "bursts cost more; Linux 5.0 and later have both" };
}

function onePerCall(reason: string): Finding {
  const next = NEXT[reason];
  const found = `one per system call (${reason})`;
  return { status: "warn", found, ...(next === undefined ? {} : { next }) };
}

/** In how many pieces what is sent arrives. */
async function sendTrain(
  sender: DatagramSocket,
  receiver: DatagramSocket,
  clock: Clock,
): Promise<number> {
  let [pieces, bytes] = [0, 0];
  const arrived = new Promise<void>((resolve, reject) => {
    const cancel = clock.after("datagrams probe", PROBE_MS_MAX, () =>
      reject(new Error("datagrams did not arrive over loopback")),
    );
    receiver.onDatagram((each) => {
      pieces++;
      bytes += each.byteLength;
      if (bytes < PIECES * PIECE_BYTES) return;
      cancel();
      resolve();
    });
  });
  const to = sender.remote(receiver.host, receiver.port);
  for (let at = 0; at < PIECES; at++) sender.send(new Uint8Array(PIECE_BYTES), to);
  await arrived;
  return pieces;
}
