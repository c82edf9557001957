import { useEffect, useRef } from "preact/hooks";
import { formatBitRate, type TopologyLink } from "../../../src/view/index.ts";

/** What a link carries, channel by channel. Closed by its button, or by Escape. */
export function LinkPane(props: { readonly link: TopologyLink; readonly onClose: () => void }) {
  const { link, onClose } = props;
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), [link.key]);
  return (
    <section class="link-pane" role="dialog" aria-label={`Link from ${link.from} to ${link.to}`}>
      <h3>
        {link.from} <span aria-hidden="true">→</span>
        <span class="hidden">to</span> {link.to}
        <button ref={button} type="button" class="close" title="Close (Escape)" onClick={onClose}>
          <span aria-hidden="true">✕</span>
          <span class="hidden">Close</span>
        </button>
      </h3>
      <ul>
        {link.channels.map(({ channel, state, connection, origin, isLearned, rate }) => (
          <li key={channel}>
            <b>{channel}</b>
            <span class={state}>{state}</span>
            <span class="quiet">{connection}</span>
            <span class="number">{formatBitRate(rate?.bitsPerSecond)}</span>
            {origin !== "" && <span class={isLearned ? "origin learned" : "origin"}>{origin}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
