import { UNKNOWN } from "../../../src/view/index.ts";

/** A choice of one name. */
export function Choice(props: {
  readonly label: string;
  /** Undefined: nothing can be chosen yet. */
  readonly value: string | undefined;
  readonly options: readonly string[];
  /** Added to the text of an option. */
  readonly noteOf?: (option: string) => string;
  readonly onChoose: (option: string) => void;
}) {
  const { label, value, options } = props;
  const all = value === undefined || options.includes(value) ? options : [value, ...options];
  return (
    <select
      aria-label={label}
      title={label}
      disabled={value === undefined}
      value={value ?? ""}
      onChange={(event) => props.onChoose(event.currentTarget.value)}
    >
      {value === undefined && <option value="">{UNKNOWN}</option>}
      {all.map((option) => (
        <option key={option} value={option}>
          {option}
          {props.noteOf?.(option)}
        </option>
      ))}
    </select>
  );
}
