/** Finds what kind needs on this machine: a container runtime that answers, and kind itself, built from the pinned sources if need be. */
import { accessSync, constants, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../../record/model.ts';
import { cachedKind, KIND_MODULE, KIND_VERSION } from './layout.ts';
import { reasonOf, run } from './run.ts';

const ANSWER_LIMIT_MS = 20_000;
/** Half a minute on two cores; the sources have to come from a proxy first. */
const BUILD_LIMIT_MS = 10 * 60_000;
const RUNTIMES = ['docker', 'podman'] as const;
const MIN_GO_MINOR = 25;

export interface KindPrograms {
  kind: string;
  /** Tells kind which runtime to use; it would take Docker if only its client is there. */
  env: Record<string, string>;
}

export interface Progress {
  signal: AbortSignal;
  /** One line for people, now and then. */
  onProgress: (line: string) => void;
}

/** Every executable file of that name on PATH, in its order; relative entries are left out, they would depend on the current folder. */
function onPath(program: string): string[] {
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, program))
    .filter(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The runtime first, it is the one that cannot be built. Throws UsageError; fetches and builds only when the runtime answers. */
export async function findPrograms(progress: Progress): Promise<KindPrograms> {
  const runtime = await findRuntime(progress.signal);
  return { kind: await findKind(progress), env: { KIND_EXPERIMENTAL_PROVIDER: runtime } };
}

/** The first runtime whose server answers. Throws UsageError of one line with the way out. */
export async function findRuntime(signal: AbortSignal): Promise<(typeof RUNTIMES)[number]> {
  const reasons: string[] = [];
  for (const name of RUNTIMES) {
    const [program] = onPath(name);
    if (program === undefined) {
      reasons.push(`${name} is not on PATH`);
      continue;
    }
    try {
      // A client without a server prints its version too; `info` needs the server.
      await run(program, ['info'], { signal, timeoutMs: ANSWER_LIMIT_MS });
      return name;
    } catch (error) {
      signal.throwIfAborted();
      reasons.push(reasonOf(error));
    }
  }
  throw new UsageError(
    `kind needs a container runtime, and none answers here (${reasons.join('; ')}): start Docker or podman, or, on Linux with root, use make up ON=bare, which needs neither`,
  );
}

/** On PATH in the pinned minor version, in the cache, or built. Throws UsageError with each step's reason. */
export async function findKind(progress: Progress): Promise<string> {
  const { file, reasons } = await installedKind(progress.signal);
  if (file !== null) return file;
  try {
    return await buildKind(progress);
  } catch (error) {
    progress.signal.throwIfAborted();
    reasons.push(reasonOf(error));
  }
  throw new UsageError(
    `kind ${KIND_VERSION} is needed and could not be had (${reasons.join('; ')}): install it (https://kind.sigs.k8s.io/docs/user/quick-start/#installation), or Go 1.${MIN_GO_MINOR} or newer, and start again`,
  );
}

/** The kind that is here, or why none will do; builds nothing. */
export async function installedKind(
  signal: AbortSignal,
): Promise<{ file: string | null; reasons: string[] }> {
  const reasons: string[] = [];
  for (const file of [...onPath('kind'), cachedKind()].filter(isExecutable)) {
    try {
      await requireVersion(file, signal);
      return { file, reasons };
    } catch (error) {
      signal.throwIfAborted();
      reasons.push(reasonOf(error));
    }
  }
  return { file: null, reasons };
}

async function requireVersion(file: string, signal: AbortSignal): Promise<void> {
  const said = await run(file, ['version'], { signal, timeoutMs: ANSWER_LIMIT_MS });
  const found = /^kind v(\d+\.\d+)\./.exec(said)?.[1];
  const [major, minor] = KIND_VERSION.split('.');
  if (found !== `${major}.${minor}`) {
    throw new Error(
      `${file} is ${found ?? 'of no readable version'}, and the node images belong to ${major}.${minor}`,
    );
  }
}

/** From tools/kind, whose go.sum pins every source, into the cache: whole or not at all, however many processes try at once. */
async function buildKind({ signal, onProgress }: Progress): Promise<string> {
  const [go] = onPath('go');
  if (go === undefined) throw new Error('there is no go on PATH to build it with');
  const said = await run(go, ['version'], { signal, timeoutMs: ANSWER_LIMIT_MS });
  const minor = Number(/\bgo1\.(\d+)/.exec(said)?.[1]);
  if (!(minor >= MIN_GO_MINOR)) throw new Error(`${go} is too old (${said.trim()})`);
  const target = cachedKind();
  mkdirSync(path.dirname(target), { recursive: true });
  const folder = mkdtempSync(path.join(path.dirname(target), '.new-'));
  try {
    onProgress(`building kind ${KIND_VERSION}, once (half a minute on two cores)`);
    const made = path.join(folder, 'kind');
    await run(
      go,
      ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', made, 'sigs.k8s.io/kind'],
      {
        signal,
        timeoutMs: BUILD_LIMIT_MS,
        cwd: KIND_MODULE,
        // What is here and what is pinned: no other Go is fetched, go.mod is not changed, no workspace of the user counts.
        env: { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly', GOWORK: 'off' },
      },
    );
    await requireVersion(made, signal);
    renameSync(made, target);
    return target;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
