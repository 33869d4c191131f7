/**
 * StressChaos cpu and memory. Its proof reads the container's own cgroup, where a stressor counts as the container does: a stressor that
 * died at once still counts as injected in the object's status.
 */
import { CannotRun } from '../../platform.ts';
import type { PreparedFault } from '../../platform.ts';
import type { Deployed } from '../cluster.ts';
import { chaosLife, chaosObject } from './chaos.ts';
import type { ChaosFile, Effect } from './chaos-file.ts';
import { allThenNone, firstDeaf, podOf } from './pod.ts';
import type { PodFacts } from './pod.ts';
import { aimAt } from './targets.ts';
import { pause, reason } from './wait.ts';

const TIMEOUT_MS = 5_000;
/** A bystander silent for longer does not answer, milliseconds. */
const SILENCE_MS = 1_000;
/** A share of throttled periods, or a use of CPU, is taken over at least this long, milliseconds: five periods of the scheduler's quota. */
const RATE_OVER_MS = 500;
/** Of version 2 of cgroups first, then of version 1; what is not there is left out by cat. */
const CPU_FILES = [
  '/sys/fs/cgroup/cpu.stat',
  '/sys/fs/cgroup/cpu/cpu.stat',
  '/sys/fs/cgroup/cpuacct/cpuacct.usage',
];
const MEMORY_FILES = ['/sys/fs/cgroup/memory.stat', '/sys/fs/cgroup/memory/memory.stat'];

export interface CpuUse {
  periods: number;
  throttled: number;
  usedMs: number;
}

/** cpu.stat of either version, and the one number of cpuacct.usage. Undefined when nothing of it is there. */
export function readCpu(text: string): CpuUse | undefined {
  const of = (key: string) => Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  const nanoseconds = Number(/^(\d+)$/m.exec(text)?.[1] ?? Number.NaN);
  const usedMs = [of('usage_usec') / 1e3, nanoseconds / 1e6].find(Number.isFinite);
  if (usedMs === undefined) return undefined;
  return { periods: of('nr_periods') || 0, throttled: of('nr_throttled') || 0, usedMs };
}

/**
 * Anonymous memory by memory.stat, bytes: `anon` in version 2 (cgroup-v2.rst, Memory Interface Files), `total_rss`, children included, or
 * `rss` in version 1 (cgroup-v1/memory.rst, 5.2). The page cache that grows with every file read is left out. Undefined when it is not there.
 */
export function readMemory(text: string): number | undefined {
  for (const key of ['anon', 'total_rss', 'rss']) {
    const bytes = new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1];
    if (bytes !== undefined) return Number(bytes);
  }
  return undefined;
}

type Look = () => Promise<{ stressed: boolean; detail: string }>;

/** Asks the cluster for the state before. Throws CannotRun when a container cannot be looked into. */
export async function stressChaos(
  deployed: Deployed,
  file: ChaosFile,
  forMs: number | undefined,
  random: () => number,
): Promise<PreparedFault> {
  const { effect } = file;
  const aimed = aimAt(deployed, file.aim, random, file.name);
  const life = chaosLife(deployed, chaosObject(deployed, file, { pods: aimed.pods }, forMs), aimed.pods);
  const looks = await Promise.all(aimed.pods.map((pod) => lookOf(deployed, pod, effect)));
  const isActing = allThenNone();
  const what =
    effect.action === 'stress-cpu'
      ? `CPU stress of ${effect.cores} cores`
      : effect.action === 'stress-memory'
        ? `memory stress of ${Math.round(effect.bytes / 1e6)} MB`
        : effect.action;
  return {
    targets: aimed.pods.map(({ name }) => name),
    detail: `${what}, ${aimed.pods.length} of ${aimed.pods.length + aimed.spared.length} pods`,
    inject: () => life.inject(),
    heal: () => life.remove(),
    async observe() {
      // A stressor ends with the pod it is in.
      const there = looks.filter(({ uid }) => podOf(deployed, uid)?.terminating === false);
      const [seen, deaf] = await Promise.all([
        Promise.all(there.map(({ look }) => look())),
        firstDeaf(deployed, aimed.spared, SILENCE_MS),
      ]);
      const acting = isActing(seen.filter(({ stressed }) => stressed).length, seen.length);
      const detail = seen.map((one) => one.detail).join('; ') || 'its targets are gone';
      return {
        acting,
        detail: `${detail}${acting ? '' : await life.says()}`,
        ...(deaf !== undefined && { elsewhere: deaf }),
      };
    },
  };
}

async function lookOf(
  deployed: Deployed,
  pod: PodFacts,
  effect: Effect,
): Promise<{ uid: string; look: Look }> {
  if (effect.action === 'stress-cpu')
    return { uid: pod.uid, look: await cpuLook(deployed, pod, effect.cores, effect.container) };
  if (effect.action === 'stress-memory')
    return { uid: pod.uid, look: await memoryLook(deployed, pod, effect.bytes, effect.container) };
  throw new CannotRun(`${effect.action} is no stress`);
}

/** What the container's cgroup says. `cat` ends with 1 because some files are not there, and still prints the others. */
async function read(
  deployed: Deployed,
  pod: PodFacts,
  container: string | undefined,
  files: readonly string[],
): Promise<string> {
  const { stdout } = await deployed.cluster.exec(
    {
      namespace: pod.namespace,
      pod: pod.name,
      container: container ?? pod.containers[0]?.name ?? '',
    },
    ['cat', ...files],
    { timeoutMs: TIMEOUT_MS },
  );
  return stdout;
}

async function sampler<T extends object>(
  deployed: Deployed,
  pod: PodFacts,
  container: string | undefined,
  files: readonly string[],
  parse: (text: string) => T | undefined,
): Promise<() => Promise<T>> {
  const sample = async () => {
    const value = parse(await read(deployed, pod, container, files));
    if (value === undefined) throw new Error(`none of ${files.join(', ')} could be read`);
    return value;
  };
  try {
    await sample();
  } catch (error) {
    throw new CannotRun(
      `a stress of ${pod.name} could not be proven: its cgroup cannot be read from inside (${reason(error)}); its image needs cat`,
    );
  }
  return sample;
}

/** Throttled in half of the quota's periods, or a quarter of the asked CPU used beside what was used before: a limit or a busy node gives less than asked. */
async function cpuLook(
  deployed: Deployed,
  pod: PodFacts,
  cores: number,
  container: string | undefined,
): Promise<Look> {
  const sample = await sampler(deployed, pod, container, CPU_FILES, readCpu);
  const timed = async () => ({ ...(await sample()), atMs: performance.now() });
  const between = (a: CpuUse & { atMs: number }, b: CpuUse & { atMs: number }) => ({
    throttled: b.periods > a.periods ? (b.throttled - a.throttled) / (b.periods - a.periods) : 0,
    cores: (b.usedMs - a.usedMs) / (b.atMs - a.atMs),
  });
  const first = await timed();
  await pause(RATE_OVER_MS, deployed.signal);
  let last = await timed();
  const before = between(first, last);
  let state = before;
  return async () => {
    const now = await timed();
    if (now.atMs - last.atMs >= RATE_OVER_MS) {
      state = between(last, now);
      last = now;
    }
    return {
      stressed:
        state.throttled >= Math.max(0.5, Math.min(1, before.throttled + 0.25)) ||
        state.cores >= before.cores + cores / 4,
      detail: `${pod.name}: throttled in ${Math.round(state.throttled * 100)} % of periods, ${state.cores.toFixed(2)} cores (before ${before.cores.toFixed(2)})`,
    };
  };
}

/** At least half of the asked memory more than before; what a stressor takes is anonymous. */
async function memoryLook(
  deployed: Deployed,
  pod: PodFacts,
  bytes: number,
  container: string | undefined,
): Promise<Look> {
  const sample = await sampler(deployed, pod, container, MEMORY_FILES, (text) => {
    const used = readMemory(text);
    return used === undefined ? undefined : { used };
  });
  const before = (await sample()).used;
  return async () => {
    const grown = (await sample()).used - before;
    return {
      stressed: grown >= bytes / 2,
      detail: `${pod.name}: ${Math.round(grown / 1e6)} MB more than before`,
    };
  };
}
