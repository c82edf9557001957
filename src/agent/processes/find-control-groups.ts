/** What a control group bounds: memory, its share of the processors, and how many tasks it has. */
export type GroupBound = "memory" | "cpu" | "pids";

/** Where a site is itself, once it has groups beside it. */
export const LEAF = "site";

export const GROUP_BOUNDS: readonly GroupBound[] = ["memory", "cpu", "pids"];

/** The files through which the kernel is asked and told of control groups (cgroups(7)). */
export interface GroupFiles {
  /** Undefined: it is not there, or may not be read. */
  read(path: string): string | undefined;
  /** Whether this process may write to a file, or make others in a folder. */
  isWritable(path: string): boolean;
  /** Names in a folder; none when it is not there. */
  list(path: string): readonly string[];
  /** Rejects with what the kernel refuses with, as the next two. */
  write(path: string, text: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  removeFolder(path: string): Promise<void>;
}

/** Where a process may make control groups. */
export type GroupPlace =
  | {
      readonly version: 2;
      /** The group below which others are made. */
      readonly own: string;
      readonly bounds: readonly GroupBound[];
      /** Whether the process has to leave it for `site` below it: a group with groups below it has no processes. */
      readonly mustLeave: boolean;
    }
  /** By bound, the group that the process is in: in version 1 each has a tree of its own. */
  | { readonly version: 1; readonly own: ReadonlyMap<GroupBound, string> };

/** A place, or why there is none, for people. */
export type GroupFinding = GroupPlace | { readonly version: undefined; readonly why: string };

/** A mounted tree of groups. */
interface Tree {
  readonly version: 1 | 2;
  /** Of the tree, which group is at the mount point. */
  readonly root: string;
  readonly mountPoint: string;
  /** Of version 1. */
  readonly controllers: readonly string[];
}

/**
 * Looks where this process may make control groups, and changes nothing. Version 2 goes before version 1, which some
 * systems have at the same time.
 */
export function findControlGroups(files: GroupFiles, pid: number): GroupFinding {
  const trees = treesIn(files.read("/proc/self/mountinfo") ?? "");
  const groups = files.read("/proc/self/cgroup") ?? "";
  const second = inVersion2(files, trees, groups, pid);
  if (second?.version === 2) return second;
  const own = new Map<GroupBound, string>();
  for (const bound of GROUP_BOUNDS) {
    const tree = trees.find(({ controllers }) => controllers.includes(bound));
    const folder = ownIn(tree, groups, bound);
    // At the top, the group of all would have its part beside everything else on the machine, not beside its site.
    const isBeside = bound !== "cpu" || folder !== tree?.mountPoint;
    if (folder !== undefined && isBeside && files.isWritable(folder)) own.set(bound, folder);
  }
  if (own.size > 0) return { version: 1, own };
  return second ?? { version: undefined, why: "this process may make none" };
}

/** Undefined where there is no version 2 with anything that it could bound. */
function inVersion2(
  files: GroupFiles,
  trees: readonly Tree[],
  groups: string,
  pid: number,
): GroupFinding | undefined {
  const tree = trees.find(({ version }) => version === 2);
  const current = ownIn(tree, groups, undefined);
  if (current === undefined) return undefined;
  const above = current.slice(0, -LEAF.length - 1);
  // A site that was started by the one before it is there already.
  const hasLeft =
    current.endsWith(`/${LEAF}`) &&
    wordsOf(files.read(`${above}/cgroup.subtree_control`)).length > 0;
  const own = hasLeft ? above : current;
  const controllers = wordsOf(files.read(`${own}/cgroup.controllers`));
  const isTop = files.read(`${own}/cgroup.type`) === undefined;
  const bounds = GROUP_BOUNDS.filter(
    (bound) => controllers.includes(bound) && !(isTop && bound === "cpu"),
  );
  if (bounds.length === 0) return undefined;
  const isOurs = [own, `${own}/cgroup.procs`, `${own}/cgroup.subtree_control`].every((path) =>
    files.isWritable(path),
  );
  if (!isOurs) return { version: undefined, why: `${own} is not given to this user` };
  // The kernel's own top group has processes, whatever is below it.
  const mustLeave = !hasLeft && !isTop;
  const others = wordsOf(files.read(`${own}/cgroup.procs`)).filter((each) => each !== `${pid}`);
  if (mustLeave && others.length > 0)
    return { version: undefined, why: `other processes are in ${own}, too` };
  return { version: 2, own, bounds, mustLeave };
}

/** The group of this process in a tree. @param controller of version 1; undefined: version 2 */
function ownIn(
  tree: Tree | undefined,
  groups: string,
  controller: string | undefined,
): string | undefined {
  if (tree === undefined) return undefined;
  for (const line of groups.split("\n")) {
    const [, id, names = "", path = ""] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    const isIt =
      controller === undefined ? id === "0" && names === "" : names.split(",").includes(controller);
    if (!isIt) continue;
    const { root, mountPoint } = tree;
    // What is mounted may be a part of the tree, as in a container.
    const isBelow = root !== "/" && (path === root || path.startsWith(`${root}/`));
    const below = isBelow ? path.slice(root.length) : path;
    if (below.startsWith("/..")) return undefined;
    return below === "/" || below === "" ? mountPoint : `${mountPoint}${below}`;
  }
  return undefined;
}

/** The trees that a mountinfo names (proc(5)). */
function treesIn(mountinfo: string): Tree[] {
  return mountinfo.split("\n").flatMap((line): Tree[] => {
    const [mount = "", system = ""] = line.split(" - ");
    const [, , , root = "/", mountPoint = ""] = mount.split(" ").map(unescaped);
    const [type, , options = ""] = system.split(" ");
    if (type === "cgroup2") return [{ version: 2, root, mountPoint, controllers: [] }];
    if (type !== "cgroup") return [];
    return [{ version: 1, root, mountPoint, controllers: options.split(",") }];
  });
}

/** A path in it has blanks and the like as octal numbers. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 8)),
  );
}

function wordsOf(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}
