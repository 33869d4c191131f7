/**
 * What no request can survive, by the workload's own settings and whatever its application does; known before any load. The kubelet's
 * arithmetic (kuberuntime_container.go, killContainer): the hook's time counts inside the grace period in whole seconds, and at least 2 s are
 * left between SIGTERM and SIGKILL. A finding about the manifest, never a failure of a run. Pure.
 */
import type { Workload } from '../../record/model.ts';

export interface DrainLimit {
  rule: 'request-cut-by-grace' | 'no-cover-for-propagation' | 'hook-takes-the-grace';
  /** One sentence. */
  text: string;
}

/** kubelet: minimumGracePeriodInSeconds. */
const LEAST_LEFT_MS = 2_000;

/** From SIGTERM to SIGKILL, milliseconds: a request that is answered later than this after SIGTERM is cut, whoever serves it. */
export function drainTimeMs({ graceMs, preStopMs }: Pick<Workload, 'graceMs' | 'preStopMs'>): number {
  return Math.max(LEAST_LEFT_MS, graceMs - Math.floor(preStopMs / 1_000) * 1_000);
}

/** A hook whose length the settings do not tell (an httpGet) counts as none. */
export function drainLimits(workload: Pick<Workload, 'name' | 'graceMs' | 'preStopMs'>): DrainLimit[] {
  const { name, graceMs, preStopMs } = workload;
  const [grace, hook, left] = [graceMs, preStopMs, drainTimeMs(workload)].map(words);
  const limits: DrainLimit[] = [
    {
      rule: 'request-cut-by-grace',
      text: `${name}: of its ${grace} of grace the preStop hook takes ${hook}, so a request that takes longer than ${left} after SIGTERM is cut by SIGKILL, whatever the application does`,
    },
  ];
  if (preStopMs === 0)
    limits.push({
      rule: 'no-cover-for-propagation',
      text: `${name}: no preStop delay is known, so SIGTERM comes while new connections still arrive: none is refused only if the application goes on accepting until every node has heard of it`,
    });
  if (preStopMs >= graceMs)
    limits.push({
      rule: 'hook-takes-the-grace',
      text: `${name}: the preStop hook (${hook}) takes the whole grace period (${grace}), so the kubelet leaves the application ${left} after SIGTERM`,
    });
  return limits;
}

function words(ms: number): string {
  return `${ms / 1_000} s`;
}
