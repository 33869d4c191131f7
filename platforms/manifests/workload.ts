/** A Deployment as the settings a run is planned and judged with, and as the template its pods are made of. */
import { createHash } from 'node:crypto';
import type { Probe, Workload } from '../../record/model.ts';
import type { Container, Deployment, ProbeObject } from './objects.ts';

export interface HttpProbe extends Probe {
  path: string;
}

export type PreStop = { kind: 'sleep'; ms: number } | { kind: 'http'; path: string };

/** What one pod needs to know of its manifest. */
export interface PodTemplate {
  graceMs: number;
  preStop?: PreStop;
  startup?: HttpProbe;
  readiness?: HttpProbe;
  liveness?: HttpProbe;
}

/** An absolute number, or a share of the replicas: surge rounds up, unavailable rounds down (Deployment API). */
export function resolveAmount(amount: number | string, replicas: number, round: 'up' | 'down'): number {
  if (typeof amount === 'number') return amount;
  const share = (Number.parseInt(amount, 10) * replicas) / 100;
  return round === 'up' ? Math.ceil(share) : Math.floor(share);
}

/** Surge and unavailable of a Deployment; Recreate takes all replicas down first. Both 0 means unavailable 1 (Deployment API). */
export function rollingBounds(spec: Deployment['spec']): { maxSurge: number; maxUnavailable: number } {
  if (spec.strategy.type === 'Recreate') return { maxSurge: 0, maxUnavailable: spec.replicas };
  const maxSurge = resolveAmount(spec.strategy.rollingUpdate.maxSurge, spec.replicas, 'up');
  const maxUnavailable = resolveAmount(spec.strategy.rollingUpdate.maxUnavailable, spec.replicas, 'down');
  return { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable };
}

function readProbe(probe: ProbeObject | undefined): HttpProbe | undefined {
  if (probe?.httpGet === undefined) return undefined;
  return {
    path: probe.httpGet.path,
    delayMs: probe.initialDelaySeconds * 1000,
    periodMs: probe.periodSeconds * 1000,
    timeoutMs: probe.timeoutSeconds * 1000,
    failures: probe.failureThreshold,
  };
}

/** `sleep` in all its spellings; undefined for a command that cannot be played. */
export function readPreStop(container: Container): PreStop | undefined {
  const hook = container.lifecycle?.preStop;
  if (hook?.sleep !== undefined) return { kind: 'sleep', ms: hook.sleep.seconds * 1000 };
  if (hook?.httpGet !== undefined) return { kind: 'http', path: hook.httpGet.path };
  const words = hook?.exec?.command
    .join(' ')
    .match(/^(?:(?:\/bin\/)?(?:ba)?sh -c )?(?:\/bin\/)?sleep (\d+(?:\.\d+)?)s?$/);
  return words?.[1] === undefined ? undefined : { kind: 'sleep', ms: Number(words[1]) * 1000 };
}

export function readPodTemplate(deployment: Deployment, container: Container): PodTemplate {
  const preStop = readPreStop(container);
  const startup = readProbe(container.startupProbe);
  const readiness = readProbe(container.readinessProbe);
  const liveness = readProbe(container.livenessProbe);
  return {
    graceMs: deployment.spec.template.spec.terminationGracePeriodSeconds * 1000,
    ...(preStop && { preStop }),
    ...(startup && { startup }),
    ...(readiness && { readiness }),
    ...(liveness && { liveness }),
  };
}

function probeSettings({ path: _path, ...settings }: HttpProbe): Probe {
  return settings;
}

/** The settings the harness plans with. An httpGet hook lasts as long as its endpoint likes, so it counts as 0 ms here. */
export function describeWorkload(deployment: Deployment, template: PodTemplate): Workload {
  return {
    name: deployment.metadata.name,
    replicas: deployment.spec.replicas,
    graceMs: template.graceMs,
    preStopMs: template.preStop?.kind === 'sleep' ? template.preStop.ms : 0,
    ...(template.readiness && { readiness: probeSettings(template.readiness) }),
    ...(template.liveness && { liveness: probeSettings(template.liveness) }),
    ...(template.startup && { startup: probeSettings(template.startup) }),
    ...rollingBounds(deployment.spec),
  };
}

/** Letters of Kubernetes' own random suffixes: no vowels, so no words. */
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** The middle part of a pod's name: changes with the template and with every rollout restart. */
export function templateHash(deployment: Deployment, generation: number): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([deployment.spec.template, generation]))
    .digest();
  return letters([...digest.subarray(0, 9)]);
}

/** Bytes as letters of a pod name. */
export function letters(bytes: readonly number[]): string {
  return bytes.map((byte) => LETTERS[byte % LETTERS.length]).join('');
}
