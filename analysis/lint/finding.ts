/** What the manifest lint looks at and what it finds. Reading the files is the caller's: the rules are pure. */

export type Path = readonly (string | number)[];

/** One object of the manifests, as it stands in its file. */
export interface Manifest {
  file: string;
  kind: string;
  name: string;
  /** Absent: whatever namespace it is applied to. */
  namespace?: string;
  value: unknown;
  /** 1-based line of the value at a path, or of the deepest one above it that is there. */
  lineAt(path: Path): number;
}

/**
 * error: it cannot work as written, whatever the cluster. warning: it breaks in an ordinary event (a deploy, a drain, load, a store that is
 * away), or needs something that the set does not have. info: worth knowing, often meant so; not counted.
 */
export type Severity = 'error' | 'warning' | 'info';

export interface Finding {
  manifest: Manifest;
  path: Path;
  /** What follows from it, with the figures; one or two sentences. */
  why: string;
  /** What to change. */
  fix: string;
}
