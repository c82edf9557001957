import { request } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import { type ControlMessage, encodeControl, encodePacket, KIND } from "../../src/wire/index.ts";
import type { SiteProcess } from "./network.ts";

/** Bytes that differ from test to test and not from run to run. */
export function junk(bytes: number, seed = 1): Uint8Array {
  const made = new Uint8Array(bytes);
  let state = seed >>> 0;
  for (let at = 0; at < bytes; at++) {
    // Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    made[at] = state >>> 24;
  }
  return made;
}

/** A valid control packet. */
export function controlPacket(message: ControlMessage, channel = 0): Uint8Array {
  const header = { flags: 0, source: 7, medium: 0, sourceGeneration: 0, sequence: 1 };
  return encodePacket({ ...header, kind: KIND.control, channel }, encodeControl(message));
}

/** A viewer's hello. */
export function viewerHello(name: string, instance = 4_711): Uint8Array {
  const about = { role: "viewer", token: "", heartbeatMs: 1_000 } as const;
  return controlPacket({ type: "hello", name, instance, ...about });
}

/** Malformed packets: cut, of another version, with a wrong length, at random. */
export function malformedPackets(): Uint8Array[] {
  const sound = viewerHello("x");
  const changed = (at: number, value: number): Uint8Array => {
    const copy = sound.slice();
    copy[at] = value;
    return copy;
  };
  return [
    new Uint8Array(1),
    sound.subarray(0, 3),
    sound.subarray(0, 19),
    sound.subarray(0, sound.byteLength - 1),
    changed(0, 0x01),
    changed(0, 0x21),
    changed(0, 0xf1),
    changed(2, 19),
    changed(3, 0xff),
    junk(20, 3).fill(0, 0, 1),
    junk(1_472, 4).fill(0, 0, 1),
    junk(65_000, 5).fill(0, 0, 1),
  ];
}

/** A WebSocket on a site's link. Its errors are ignored; `closed` settles with the code it ended with. */
export async function openWebSocket(
  site: SiteProcess,
): Promise<{ readonly socket: WebSocket; readonly closed: Promise<number> }> {
  const socket = new WebSocket(`${site.url.replace("http", "ws")}/link`);
  socket.on("error", () => {});
  const closed = new Promise<number>((resolve) => void socket.once("close", resolve));
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    void closed.then(() => reject(new Error("the site does not take WebSockets")));
  });
  return { socket, closed };
}

/** A TCP link to a site, after the upgrade. */
export function openTcpLink(
  site: SiteProcess,
): Promise<{ readonly socket: Duplex; readonly closed: Promise<void> }> {
  const headers = { Connection: "Upgrade", Upgrade: "meander" };
  const asked = request({ host: "127.0.0.1", port: site.httpPort, path: "/link", headers });
  asked.end();
  return new Promise((resolve, reject) => {
    asked.once("error", reject);
    asked.once("upgrade", (_response, socket) => {
      socket.on("error", () => {});
      socket.resume();
      const closed = new Promise<void>((done) => void socket.once("close", () => done()));
      resolve({ socket, closed });
    });
  });
}

/** Writes bytes to a site's HTTP port. What came back until the site closed; it has 10 s. */
export function rawHttp(site: SiteProcess, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(site.httpPort, "127.0.0.1");
    let answer = "";
    socket.setEncoding("latin1");
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on("data", (text: string) => {
      answer += text;
    });
    socket.on("error", () => {});
    socket.once("close", () => resolve(answer));
    socket.write(bytes);
  });
}
