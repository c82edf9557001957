import assert from "node:assert/strict";
import { formatSdp, type SdpTrack } from "../../src/wire/index.ts";
import type { SiteProcess } from "./network.ts";
import { until } from "./wait.ts";

/** Of tracks whose ports the site assigns. */
export const UNASSIGNED = { port: 0, rtcpPort: 0, rtcpMux: false } as const;

/** Opens an input for tracks on assigned ports; the tracks with these. */
export async function openInput(
  site: SiteProcess,
  channel: string,
  tracks: readonly SdpTrack[],
): Promise<SdpTrack[]> {
  const response = await fetch(`${site.url}/channels/${channel}?ports=assign`, {
    method: "PUT",
    headers: { "content-type": "application/sdp" },
    body: formatSdp({ title: channel, host: "127.0.0.1", tracks }),
  });
  assert.equal(response.status, 201);
  const answer = (await response.json()) as { tracks: { rtpPort: number; rtcpPort: number }[] };
  return tracks.map((track, index) => {
    const { rtpPort = 0, rtcpPort = 0 } = answer.tracks[index] ?? {};
    return { ...track, port: rtpPort, rtcpPort };
  });
}

/** The SDP with which to receive a channel on these ports, in the order video, audio; waits for the channel. */
export function sdpFor(
  site: SiteProcess,
  channel: string,
  ports: readonly number[],
): Promise<string> {
  return until(`the SDP of ${channel}`, async () => {
    const response = await fetch(
      `${site.url}/channels/${channel}?format=sdp&ports=${ports.join(",")}`,
    );
    return response.ok ? response.text() : undefined;
  });
}

/** How many frames of each stream ffmpeg wrote in the format framecrc. */
export function framesIn(text: string, streams: number): number[] {
  const lines = text.split("\n");
  return Array.from({ length: streams }, (_, stream) => {
    return lines.filter((line) => line.startsWith(`${stream},`)).length;
  });
}
