/**
 * What the HPA's controller was started with. The API does not show it: on clusters of kubeadm and kind the arguments stand in the static
 * pods of kube-controller-manager, elsewhere whoever brought the cluster up may know, and where nobody does the defaults are assumed.
 */
import { z } from 'zod';
import { CONTROLLER_DEFAULTS } from '../../analysis/hpa/types.ts';
import { parseDurationMs } from '../../record/duration.ts';
import type { EventOf } from '../../record/model.ts';
import { ApiError } from './cluster.ts';
import type { Cluster, KubeObject } from './cluster.ts';

type ControllerEvent = Pick<EventOf<'hpa.controller'>, 'version' | 'parameters'>;
type Parameter = keyof typeof CONTROLLER_DEFAULTS;
/** Durations in milliseconds, the tolerance as a share. */
export type HpaParameters = Record<Parameter, number>;

/** https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/ */
const FLAGS: readonly { name: string; parameter: Parameter; read: (value: string) => number | null }[] = [
  { name: 'sync-period', parameter: 'syncPeriodMs', read: durationMs },
  { name: 'tolerance', parameter: 'tolerance', read: share },
  { name: 'downscale-stabilization', parameter: 'downscaleStabilizationMs', read: durationMs },
  { name: 'cpu-initialization-period', parameter: 'cpuInitializationMs', read: durationMs },
  { name: 'initial-readiness-delay', parameter: 'initialReadinessDelayMs', read: durationMs },
];

/**
 * The parameters that a command line of kube-controller-manager comes to: a flag that is not given has its default, and of one given twice
 * the last counts, as the program itself reads them. One whose value cannot be read is left out.
 */
export function hpaParameters(commandLine: readonly string[]): Partial<HpaParameters> {
  return Object.fromEntries(
    FLAGS.flatMap(({ name, parameter, read }) => {
      const given = flagValue(commandLine, `--horizontal-pod-autoscaler-${name}`);
      const value = given === undefined ? CONTROLLER_DEFAULTS[parameter] : read(given);
      return value === null ? [] : [[parameter, value]];
    }),
  );
}

/** Version and parameters in force, each with where it is known from; `platform` is what the place itself knows. Rejects when the API is away. */
export async function readController(
  cluster: Cluster,
  platform: Partial<HpaParameters> = {},
): Promise<ControllerEvent> {
  const [gitVersion, staticPods] = await Promise.all([cluster.version(), staticPodParameters(cluster)]);
  const parameter = (name: Parameter) => {
    const values = [...new Set(staticPods.map((parameters) => parameters[name]))];
    const [value] = values;
    // Of control planes that differ, the one that decides is not known.
    if (values.length === 1 && value !== undefined) return { value, source: 'static pod' as const };
    const known = platform[name];
    return known === undefined
      ? { value: CONTROLLER_DEFAULTS[name], source: 'assumed default' as const }
      : { value: known, source: 'platform' as const };
  };
  return {
    // Without what a vendor adds: v1.33.5-gke.1080000, v1.34.1+k3s1.
    version: gitVersion.replace(/^v/, '').replace(/[-+].*$/, ''),
    parameters: {
      syncPeriodMs: parameter('syncPeriodMs'),
      tolerance: parameter('tolerance'),
      downscaleStabilizationMs: parameter('downscaleStabilizationMs'),
      cpuInitializationMs: parameter('cpuInitializationMs'),
      initialReadinessDelayMs: parameter('initialReadinessDelayMs'),
    },
  };
}

const ControllerPod = z.object({
  spec: z.object({
    containers: z.array(
      z.object({ command: z.array(z.string()).default([]), args: z.array(z.string()).default([]) }),
    ),
  }),
});

/** One entry per control plane; none where they are hidden, as on managed clusters, or where these credentials may not look. */
async function staticPodParameters(cluster: Cluster): Promise<Partial<HpaParameters>[]> {
  let pods: KubeObject[];
  try {
    pods = await cluster.list(
      { apiVersion: 'v1', kind: 'Pod' },
      { namespace: 'kube-system', labelSelector: 'component=kube-controller-manager' },
    );
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return [];
    throw error;
  }
  return pods.map((pod) => {
    const commandLine = ControllerPod.safeParse(pod).data?.spec.containers.flatMap(({ command, args }) => [
      ...command,
      ...args,
    ]);
    return commandLine === undefined || commandLine.length === 0 ? {} : hpaParameters(commandLine);
  });
}

/** Of `--name=value` or `--name value`. */
function flagValue(words: readonly string[], flag: string): string | undefined {
  return words
    .flatMap((word, i) =>
      word === flag ? [words[i + 1] ?? ''] : word.startsWith(`${flag}=`) ? [word.slice(flag.length + 1)] : [],
    )
    .at(-1);
}

function durationMs(text: string): number | null {
  return /^0+(ms|s|m|h)?$/.test(text) ? 0 : parseDurationMs(text);
}

function share(text: string): number | null {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value) && value >= 0 ? value : null;
}
