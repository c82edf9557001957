/** An input that takes messages (text, JSON, HTML…), which `publishMessage` brings. */
export interface DataIngestOptions {
  readonly door: "data";
  readonly channel: string;
  /** Name of the input among those of the channel. */
  readonly input: string;
}
