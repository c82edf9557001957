import { ChannelClient, type ClientState } from "../../channel/index.ts";
import { generationOf, sequenceOf } from "../../wire/index.ts";
import type { World } from "../world/world.ts";

/** What a viewer of a world saw. */
export interface WorldViewer {
  readonly client: ChannelClient;
  /** Sequence numbers in order of arrival. */
  readonly received: number[];
  /** Source generation of each. */
  readonly generations: number[];
  /** When each came, ms. */
  readonly times: number[];
  /** Numbers that it was told would never come. */
  readonly gone: readonly { readonly sequence: number; readonly count: number }[];
  readonly states: ClientState[];
}

/** A viewer that watches a channel at the first of `sites` it reaches. @param follow false: only there */
export function openViewer(
  world: World,
  channel: string,
  sites: readonly string[],
  follow = true,
): WorldViewer {
  const received: number[] = [];
  const generations: number[] = [];
  const times: number[] = [];
  const states: ClientState[] = [];
  const gone: { sequence: number; count: number }[] = [];
  const { clock, planeRandom: random } = world;
  const client = new ChannelClient(
    { channel, sites, follow, dial: (url) => world.dial(url), clock, random, name: "viewer" },
    {
      onPacket: (packet) => {
        received.push(sequenceOf(packet));
        generations.push(generationOf(packet));
        times.push(clock.now());
      },
      onDescription() {},
      onReport() {},
      onGap: ({ sequence, count }) => gone.push({ sequence, count }),
      onPath() {},
      onState: (state) => states.push(state),
    },
  );
  client.start();
  return { client, received, generations, times, gone, states };
}
