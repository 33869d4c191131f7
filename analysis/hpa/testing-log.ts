/** What happened in a random world, told and hidden: the truth that a trace shows a part of. */
import type { Blind, PodChange, SampleChange, ScaleChange, StatusWrite } from './trace.ts';
import type {
  ControllerParameters,
  ControllerState,
  HpaPod,
  HpaSpec,
  MetricSpec,
  PodMetric,
  Proposal,
} from './types.ts';

/** What the controller saw and did at one sync, written or not. */
export interface Seen {
  nowMs: number;
  spec: HpaSpec;
  current: number;
  /** What its metrics asked for together; null = it computed nothing. */
  raw: number | null;
  pods: readonly HpaPod[];
  statusReplicas: number;
  proposals: readonly Proposal[];
  write: StatusWrite | null;
  /** What it remembered before. */
  state: ControllerState;
  desired: number;
}

/** By resource. */
export type PodSample = Readonly<Record<string, PodMetric>>;

export interface Poll {
  receivedMs: number;
  store: ReadonlyMap<string, PodSample>;
}

export interface WorldLog {
  parameters: ControllerParameters;
  seen: Seen[];
  polls: Poll[];
  writes: StatusWrite[];
  pods: PodChange[];
  samples: SampleChange[];
  scales: ScaleChange[];
  restartsMs: number[];
  blind: Blind[];
  wrong: { kind: string; seen: Seen } | null;
}

/** The harness asks the metrics API this often, ms. */
export const POLL_MS = 5_000;

export function metricsOf(
  store: ReadonlyMap<string, PodSample>,
  { name }: MetricSpec,
): Map<string, PodMetric> {
  const metrics = new Map<string, PodMetric>();
  const resource = name === 'memory' ? 'memory' : 'cpu';
  for (const [pod, sample] of store) {
    const metric = sample[resource];
    if (metric) metrics.set(pod, metric);
  }
  return metrics;
}
