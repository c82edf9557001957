import { clockTime } from "./session/clock-time.ts";
import type { EventLine } from "./session/use-session.ts";

/** What happened, newest first. */
export function EventList({ lines }: { readonly lines: readonly EventLine[] }) {
  return (
    <section class="pane events" aria-label="Events">
      <h2>Events</h2>
      <div role="log" aria-label="Events, newest first">
        <ol>
          {lines.length === 0 && (
            <li class="quiet">Nothing has changed since this page was opened.</li>
          )}
          {lines.map((line) => (
            <li key={line.id} class={line.tone}>
              <time dateTime={new Date(line.at).toISOString()}>{clockTime(line.at)}</time>
              <span>{line.text}</span>
            </li>
          ))}
        </ol>
      </div>
    </section>
  );
}
