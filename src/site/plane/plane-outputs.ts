import type { RtpOutputs } from "../../media/index.ts";
import type { Reflector } from "../../reflector/index.ts";
import type { RtpOutputOptions } from "../plane-control.ts";

/** The outputs of a plane to plain RTP receivers. */
export class PlaneOutputs {
  readonly #reflector: Reflector;
  readonly #outputs: RtpOutputs;

  /** @param options.outputs used, not owned */
  constructor(options: { readonly reflector: Reflector; readonly outputs: RtpOutputs }) {
    this.#reflector = options.reflector;
    this.#outputs = options.outputs;
  }

  /** See `PlaneControl.addRtpOutput`; its number is that of the subscriber. */
  async add(options: RtpOutputOptions): Promise<{ readonly id: number }> {
    const { channel, host, tracks } = options;
    const output = await this.#outputs.open(options);
    const address = `${host}:${tracks.map(({ port }) => port).join(",")}`;
    try {
      return {
        id: this.#reflector.addSink(
          channel,
          { kind: "rtp", name: `rtp ${address}`, address },
          output,
        ),
      };
    } catch (error) {
      output.close("refused");
      throw error;
    }
  }

  remove(id: number): void {
    this.#reflector.removeSink(id);
  }
}
