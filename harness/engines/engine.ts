/** What an engine is (a program from elsewhere that Proofload drives), and where its copy is kept. */
import path from 'node:path';
import { cacheFolder } from '../../record/root.ts';

export interface Engine {
  /** Name of the program, too. */
  name: string;
  /** The pinned version, `x.y.z`; a program found on PATH may differ in z. */
  version: string;
  versionArgs: string[];
  /** Finds the version in what it prints; its first group is `x.y.z`. */
  versionPattern: RegExp;
  /** Official archives by `<os>-<arch>`, only where the checksum is pinned here. `member` is the program in the archive. */
  releases: Record<string, { url: string; sha256: string; member: string }>;
  /** Folder with the go.mod that pins it, from the root of the project. */
  goModule: string;
  /** Package of that module that builds it. */
  goPackage: string;
  /** Of `go build`, beside those that all have. */
  goFlags?: string[];
  /** Variable of the program that says its version (`-X` of the linker): a build of a module knows none. */
  goVersionVariable?: string;
  minGo: [major: number, minor: number];
  /** Commands that cannot do without it. */
  neededBy: string[];
  /** Where a person finds how to install it. */
  installUrl: string;
  /** Whoever has none of it is ready for most of what Proofload does. */
  optional?: boolean;
}

export interface Progress {
  signal: AbortSignal;
  /** One line for people, now and then. */
  onProgress: (line: string) => void;
}

/** Operating system and processor as Go and the release archives name them. */
export function platformKey(): string {
  const arch: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };
  return `${process.platform}-${arch[process.arch] ?? process.arch}`;
}

/** The program's place in the user's cache. */
export function cachedFile({ name, version }: Engine): string {
  return path.join(cacheFolder(), `${name}-${version}-${platformKey()}`, name);
}
