import { unreachable } from "../base/index.ts";
import type { ParameterSpec, ParameterValue } from "./module.ts";

const BYTE_UNITS = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 } as const;
const MS_UNITS = { us: 0.001, ms: 1, s: 1000 } as const;

/** [S6] Reads the text after the `=` (undefined where there is none). Undefined when `spec` does not allow it. */
export function parseParameter(
  spec: ParameterSpec,
  text: string | undefined,
): ParameterValue | undefined {
  if (text === undefined) return spec.kind === "flag" ? true : undefined;
  switch (spec.kind) {
    case "flag":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "word":
      return spec.words?.includes(text) ? text : undefined;
    case "name":
      return /^[A-Za-z][A-Za-z0-9-]{0,31}$/.test(text) ? text : undefined;
    case "group":
      return isGroup(text) ? text : undefined;
    default: {
      const value = parseNumber(spec.kind, text);
      return value === undefined || !isWithin(spec, value) ? undefined : value;
    }
  }
}

/** [S7] The shortest text that {@link parseParameter} reads as `value`. */
export function formatParameter(spec: ParameterSpec, value: ParameterValue): string {
  if (typeof value !== "number") return String(value);
  if (spec.kind === "bytes") return formatBytes(value);
  return spec.kind === "ms" ? `${value}ms` : String(value);
}

/** What `spec` allows, as text: `a size from 576 to 65507, such as 1472`. */
export function describeParameter(spec: ParameterSpec): string {
  switch (spec.kind) {
    case "flag":
      return "true or false";
    case "word":
      return `one of ${(spec.words ?? []).join(", ")}`;
    case "name":
      return "a name: a letter, then letters, digits and hyphens, 32 at most";
    case "group":
      return "a multicast address, such as 239.255.42.1 or ff15::42:1";
    case "bytes":
      return `a size${boundsOf(spec)}, such as ${formatParameter(spec, spec.default)}`;
    case "ms":
      return `a time${boundsOf(spec)}, such as ${formatParameter(spec, spec.default)}`;
    case "count":
      return `a whole number${boundsOf(spec)}`;
    case "ratio":
      return `a ratio${boundsOf(spec)}, such as 0.1 or 10%`;
    default:
      return unreachable(spec.kind);
  }
}

const V4_GROUP = /^2(?:2[4-9]|3\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

/** An address of 224.0.0.0/4 or ff00::/8. */
function isGroup(text: string): boolean {
  if (!text.includes(":")) return V4_GROUP.test(text);
  return /^ff[0-9a-f]{2}:[0-9a-f:.]{1,40}$/i.test(text) && URL.canParse(`http://[${text}]`);
}

function parseNumber(kind: "bytes" | "ms" | "count" | "ratio", text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,15}(?:\.\d{1,9})?)([A-Za-z%]*)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const number = Number(digits);
  switch (kind) {
    case "count":
      return unit === "" && Number.isInteger(number) ? number : undefined;
    case "bytes": {
      if (!Object.hasOwn(BYTE_UNITS, unit)) return undefined;
      const bytes = number * BYTE_UNITS[unit as keyof typeof BYTE_UNITS];
      return Number.isSafeInteger(bytes) ? bytes : undefined;
    }
    case "ms":
      if (!Object.hasOwn(MS_UNITS, unit)) return undefined;
      // To the microsecond, so that every value has a short text.
      return Math.round(number * MS_UNITS[unit as keyof typeof MS_UNITS] * 1000) / 1000;
    case "ratio":
      if (unit !== "" && unit !== "%") return undefined;
      return Math.round((unit === "%" ? number / 100 : number) * 1e6) / 1e6;
  }
}

function isWithin({ min, max }: ParameterSpec, value: number): boolean {
  return (min === undefined || value >= min) && (max === undefined || value <= max);
}

function boundsOf(spec: ParameterSpec): string {
  const { min, max } = spec;
  const text = (value: number): string => formatParameter(spec, value);
  if (min !== undefined && max !== undefined) return ` from ${text(min)} to ${text(max)}`;
  if (min !== undefined) return ` of at least ${text(min)}`;
  return max === undefined ? "" : ` of at most ${text(max)}`;
}

function formatBytes(value: number): string {
  for (const unit of ["G", "M", "K"] as const) {
    if (value > 0 && value % BYTE_UNITS[unit] === 0) return `${value / BYTE_UNITS[unit]}${unit}`;
  }
  return String(value);
}
