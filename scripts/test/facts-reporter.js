// A reporter for node:test that tells programs, one JSON object a line, what became of each test. `begun` and `done` come
// when that happens; `ended`, with the names around a test, in the order of the file.

export default async function* facts(source) {
  /** Names of the suites and tests around the one that an event is about, by depth. */
  const names = [];
  for await (const { type, data } of source) {
    if (type === "test:dequeue") yield line({ type: "begun", name: data.name });
    else if (type === "test:complete") yield line({ type: "done", name: data.name });
    else if (type === "test:start") {
      names.length = data.nesting;
      names[data.nesting] = data.name;
    } else if (type === "test:pass" || type === "test:fail") {
      names.length = data.nesting;
      yield line({
        type: "ended",
        path: [...names, data.name],
        outcome: outcomeOf(type, data),
        isSuite: data.details?.type === "suite",
        reason: data.skip,
        ms: data.details?.duration_ms,
        ...(type === "test:fail" ? describe(data.details?.error) : {}),
      });
    } else if (type === "test:diagnostic" && !isCount(data)) {
      yield line({ type: "said", message: data.message });
    }
  }
}

function outcomeOf(type, { skip, todo }) {
  if (skip !== undefined && skip !== false) return "skipped";
  if (todo !== undefined && todo !== false) return "todo";
  return type === "test:pass" ? "passed" : "failed";
}

/** The counts that end every file. */
function isCount({ nesting, message }) {
  const words = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;
  return nesting === 0 && words.test(message);
}

function describe(error) {
  const cause = error?.cause ?? error;
  return {
    failureType: error?.failureType,
    message: String(cause?.message ?? cause),
    stack: String(cause?.stack ?? ""),
  };
}

function line(fact) {
  return `${JSON.stringify(fact)}\n`;
}
