import { type Drop, formatCount } from "../../../src/view/index.ts";

/** A count of dropped packets that opens to its reasons. */
export function DropCount({
  drops,
  count,
}: {
  readonly drops: readonly Drop[];
  readonly count: number;
}) {
  if (count === 0) return <>0</>;
  const lines = drops.map((drop) => `${drop.reason}: ${formatCount(drop.count)}`);
  return (
    <details
      class="drops"
      title={lines.join("\n")}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !event.currentTarget.open) return;
        event.preventDefault();
        event.currentTarget.open = false;
      }}
    >
      <summary>{formatCount(count)}</summary>
      <ul>
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </details>
  );
}
