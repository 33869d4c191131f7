/** How a pod ends by its manifest: kubelet kuberuntime_container.go (killContainer) and lifecycle/handlers.go. */
import { parseDurationMs } from '../../record/duration.ts';
import { drainTimeMs } from '../disruption/limits.ts';
import type { Path } from './finding.ts';
import { type ManifestSet, together } from './set.ts';
import type { Container, Workload } from './workloads.ts';

/** Of the API server. */
const DEFAULT_GRACE_S = 30;

export interface PreStop {
  kind: 'sleep' | 'exec' | 'http';
  /** What it is known to take; 0 where that is another's affair. */
  atLeastS: number;
  /** It takes that long and no longer. */
  exact: boolean;
  words: readonly string[];
  /** Below the container. */
  path: Path;
}

/** terminationGracePeriodSeconds in force. */
export function graceS({ pod }: Workload): number {
  return pod.terminationGracePeriodSeconds ?? DEFAULT_GRACE_S;
}

/** `sleep` in all its spellings, an HTTP call, or a command of which only its sleeps are known. Null: no hook. */
export function preStopOf({ lifecycle: { preStop } }: Container): PreStop | null {
  const path = ['lifecycle', 'preStop'];
  if (preStop?.sleep)
    return { kind: 'sleep', atLeastS: preStop.sleep.seconds ?? 0, exact: true, words: [], path };
  if (preStop?.exec) {
    const words = preStop.exec.command.filter((word) => word !== undefined);
    const command = words.join(' ');
    const sleeps = [...command.matchAll(/\bsleep (\d+(?:\.\d+)?)([smh]?)\b/g)];
    const unit: Record<string, number> = { '': 1, s: 1, m: 60, h: 3_600 };
    const atLeastS = sleeps.reduce(
      (sum, [, amount, suffix]) => sum + Number(amount) * (unit[suffix ?? ''] ?? 1),
      0,
    );
    const exact = /^(\S*sh -c )?\S*sleep [\d.]+[smh]?$/.test(command);
    return { kind: 'exec', atLeastS, exact, words, path };
  }
  return preStop?.httpGet ? { kind: 'http', atLeastS: 0, exact: false, words: [], path } : null;
}

/** Seconds between SIGTERM and SIGKILL. */
export function leftS(workload: Workload, container: Container): number {
  const hookS = preStopOf(container)?.atLeastS ?? 0;
  return drainTimeMs({ graceMs: graceS(workload) * 1_000, preStopMs: hookS * 1_000 }) / 1_000;
}

/** Without the namespaces of a config file; words of one setting in any of the usual spellings. */
const SHUTDOWN =
  /^(.*_)?(shutdown|drain|graceful(_shutdown)?|termination)(_(grace|drain))?(_(timeout|wait|period|deadline|delay|duration))?(_(ms|millis|s|sec|secs|seconds))?$/;
const REQUEST = /^(.*_)?(write|request|response|handler)_timeout(_(ms|millis|s|sec|secs|seconds))?$/;

export interface Timeout {
  name: string;
  ms: number;
  /** Where it is set, in words: `env X`, `ConfigMap c, key k`. */
  place: string;
}

/** How long the application itself gives its shutdown, where an environment variable or a mounted ConfigMap says so. */
export function shutdownTimeouts(set: ManifestSet, workload: Workload, container: Container): Timeout[] {
  return timeouts(set, workload, container, SHUTDOWN);
}

/** How long it lets a request take. */
export function requestTimeouts(set: ManifestSet, workload: Workload, container: Container): Timeout[] {
  return timeouts(set, workload, container, REQUEST);
}

function timeouts(set: ManifestSet, workload: Workload, container: Container, pattern: RegExp): Timeout[] {
  return settings(set, workload, container).flatMap(({ name, value, place }) => {
    const words = name
      .replace(/([a-z])([A-Z])/g, '$1_$2')
      .toLowerCase()
      .replaceAll(/[-.]/g, '_');
    const ms = pattern.test(words) ? millisecondsOf(words, value) : null;
    return ms === null ? [] : [{ name, ms, place }];
  });
}

/** `10s`, or a bare number whose name tells the unit. A bare number of unknown unit says nothing. */
function millisecondsOf(words: string, value: string): number | null {
  if (!/^\d+(\.\d+)?$/.test(value)) return parseDurationMs(value);
  if (/_(ms|millis)$/.test(words)) return Number(value);
  return /_(s|sec|secs|seconds)$/.test(words) ? Number(value) * 1_000 : null;
}

interface Setting {
  name: string;
  value: string;
  place: string;
}

function settings(set: ManifestSet, { manifest, pod }: Workload, { env, envFrom }: Container): Setting[] {
  const data = (name: string | undefined) =>
    set.configMaps.find((map) => map.manifest.name === name && together(map.manifest, manifest))?.texts ?? {};
  const literal = env.flatMap(({ name = '', value, valueFrom }): Setting[] => {
    const ref = valueFrom?.configMapKeyRef;
    const found = value ?? data(ref?.name)[ref?.key ?? ''];
    return found === undefined ? [] : [{ name, value: found, place: `env ${name}` }];
  });
  const sourced = envFrom.flatMap(({ configMapRef }) =>
    Object.entries(data(configMapRef?.name)).map(([name, value]) => ({
      name,
      value,
      place: `ConfigMap ${configMapRef?.name}`,
    })),
  );
  const mounted = pod.volumes.flatMap(({ configMap }) =>
    Object.entries(data(configMap?.name)).flatMap(([key, text]) =>
      [...text.matchAll(/^\s*"?([\w.-]+)"?\s*[:=]\s*"?([\w.]+)"?,?\s*(?:#.*)?$/gm)].map(
        ([, name = '', value = '']) => ({ name, value, place: `ConfigMap ${configMap?.name}, ${key}` }),
      ),
    ),
  );
  return [...literal, ...sourced, ...mounted];
}
