/** The least severe lines that are written; `silent`: none. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
