/** What is particular about one kind of code: what it may import and use, what it exports, and how errors name it. */
export interface CodeKind {
  /** With its article, for errors: "an agent". */
  readonly noun: string;
  /** `module`: a module with a default export. `function`: that, or the text of a function expression. */
  readonly form: "module" | "function";
  /** Name of a source without a file. */
  readonly file: string;
  /** Packages it may import {@link CodeKind.definer} from. */
  readonly packages: readonly string[];
  /**
   * The one function it may import. It returns its argument, so the import is replaced and the package never loaded.
   */
  readonly definer: string;
  /** The default export that it must have, as an example. */
  readonly example: string;
  /** What to do instead of what is refused. */
  readonly advice: {
    readonly import: string;
    readonly importMeta: string;
    readonly await: string;
    readonly evaluate: string;
    /** For names that are not defined. */
    readonly unknownName: string;
    /** The same for the names that people expect most often. */
    readonly names: Readonly<Record<string, string>>;
  };
}

const agent: CodeKind = {
  noun: "an agent",
  form: "module",
  file: "agent",
  packages: ["meander", "meander/agent", "meander/shell"],
  definer: "defineAgent",
  example: "export default defineAgent({ on: { … } })",
  advice: {
    import: "put what it needs into its own module; for types alone, use `import type`",
    importMeta: "use ctx.location and ctx.stream to find out where it is",
    await: "await inside handlers; `init` runs first",
    evaluate: "put the code into the agent, or replace its handlers",
    unknownName: "a handler sees only its arguments; put data into the briefcase",
    names: {
      setTimeout: "use ctx.timer(delayMs, value), which calls the `timer` handler",
      setInterval: "use ctx.timer(delayMs, value); the `timer` handler can set it again",
      performance: "use ctx.now()",
      crypto: "use ctx.random()",
      arguments: "name the parameters",
    },
  },
};

/** All kinds of code. A new kind is added here, and nowhere else in `code`. */
export const CODE_KINDS = {
  /** A module whose default export defines an agent. */
  agent,
  /** One handler of an agent, which replaces another. */
  handler: {
    ...agent,
    noun: "a handler",
    form: "function",
    file: "handler",
    example: "(ctx, argument) => …, or a module whose default export is a function",
  },
} as const satisfies Readonly<Record<string, CodeKind>>;

/** Name of a kind of code. */
export type CodeKindName = keyof typeof CODE_KINDS;
