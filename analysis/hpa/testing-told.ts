/** Traces by hand for tests: sizes and use, sync by sync, and views of a run that has them on record. */
import { gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { Event } from '../../record/model.ts';
import { WatchLine } from '../../record/watch-log.ts';
import { type Story, viewOf } from '../testing.ts';
import type { RunView } from '../view.ts';
import { controllerEvent, linesOf } from './testing-lines.ts';
import type { HpaTrace, StatusWrite } from './trace.ts';
import type { HpaPod, HpaSpec } from './types.ts';

/** 3 to 10 replicas at 70 % of 100m; twice as many in 15 s, and down after a window of 60 s. */
export const SPEC: HpaSpec = {
  min: 3,
  max: 10,
  metrics: [{ source: 'Resource', name: 'cpu', target: { type: 'utilization', value: 70 } }],
  behavior: {
    scaleUp: {
      stabilizationMs: 0,
      selectPolicy: 'Max',
      policies: [{ type: 'Percent', value: 100, periodMs: 15_000 }],
      tolerance: null,
    },
    scaleDown: {
      stabilizationMs: 60_000,
      selectPolicy: 'Max',
      policies: [{ type: 'Percent', value: 100, periodMs: 15_000 }],
      tolerance: null,
    },
  },
};

/** Distance of the syncs and time of the first one, ms. */
export const SYNC_MS = 15_200;
export const FIRST_MS = 20_000;

/** Replicas before and after a sync, and the use in percent of the request that it saw. */
export type Step = readonly [current: number, desired: number, percent: number];

/** A sync every 15.2 s from 20 s on, whose pods are all Ready, alike and long there. */
export function told(steps: readonly Step[], change: Partial<HpaTrace> = {}): HpaTrace {
  const pods: HpaTrace['pods'][number][] = [];
  const samples: HpaTrace['samples'][number][] = [];
  const scales: HpaTrace['scales'][number][] = [];
  const writes: StatusWrite[] = [];
  let there = 0;
  const tell = (receivedMs: number, specReplicas: number, owner: string) =>
    scales.push({
      receivedMs,
      revision: null,
      specReplicas,
      statusReplicas: specReplicas,
      readyReplicas: 0,
      owner,
    });
  for (const [index, [current, desired, percent]] of steps.entries()) {
    const receivedMs = FIRST_MS + index * SYNC_MS;
    if (index === 0) tell(1_000, current, 'apply');
    for (; there < current; there += 1)
      pods.push({
        receivedMs: receivedMs - 10_000,
        revision: null,
        name: `p${there}`,
        pod: podNamed(`p${there}`),
      });
    for (; there > current; there -= 1)
      pods.push({ receivedMs: receivedMs - 10_000, revision: null, name: `p${there - 1}`, pod: null });
    const sample = { valueMilli: percent, atMs: receivedMs - 9_000, windowMs: 10_000 };
    for (let number = 0; number < current; number += 1)
      samples.push({ receivedMs: receivedMs - 8_000, pod: `p${number}`, metrics: { cpu: sample } });
    if (current !== desired) tell(receivedMs - 50, desired, 'kube-controller-manager/scale');
    const metrics = [{ utilization: percent, usageMilli: percent }];
    writes.push({
      receivedMs,
      revision: null,
      spec: SPEC,
      current,
      desired,
      scaledAtMs: null,
      metrics,
      conditions: WORKING,
    });
  }
  return {
    name: 'web',
    target: { kind: 'Deployment', name: 'web' },
    before: null,
    writes,
    edits: [],
    pods,
    samples,
    scales,
    restartsMs: [],
    restartsVisible: true,
    blind: [],
    fromMs: 0,
    toMs: writes.at(-1)?.receivedMs ?? 0,
    ...change,
  };
}

const WORKING: StatusWrite['conditions'] = {
  AbleToScale: { status: true, reason: 'ReadyForNewScale' },
  ScalingActive: { status: true, reason: 'ValidMetricFound' },
};

function podNamed(name: string): HpaPod {
  return {
    name,
    phase: 'Running',
    deleted: false,
    startedAtMs: -3_600_000,
    ready: { status: true, changedAtMs: -3_590_000 },
    containers: [{ name: 'web', requestsMilli: { cpu: 100 } }],
  };
}

/** A run in whose watch log the trace stands, with a controller whose flags are known. */
export function viewOfTrace(trace: HpaTrace, story: Story = {}): RunView {
  const events = [controllerEvent(), ...(story.events ?? [])];
  return viewOf({ workload: { name: 'web' }, watch: linesOf(trace), ...story, events });
}

/**
 * A real run: Kubernetes 1.35.8 on two nodes, 3 > 5 > 6 > 10 pods and back, sync 5 s, downscale stabilisation 30 s, as recorded; only fields of no
 * interest here are left out.
 */
export function realRun(): { lines: WatchLine[]; events: Event[] } {
  const text = gunzipSync(readFileSync(new URL('testing-real.json.gz', import.meta.url))).toString();
  return z.object({ lines: z.array(WatchLine), events: z.array(Event) }).parse(JSON.parse(text));
}
