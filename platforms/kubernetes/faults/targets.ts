/** Chooses the pods of a fault before the blow, so that they are known and recorded. */
import { CannotRun } from '../../platform.ts';
import { chooseTargets } from '../../manifests/targets.ts';
import type { Deployed } from '../cluster.ts';
import type { Aim } from './chaos-file.ts';
import { livingPods, selects, wantedReplicas } from './pod.ts';
import type { PodFacts } from './pod.ts';

export interface Aimed {
  pods: PodFacts[];
  /** Selected alike, Ready, and not meant. */
  spared: PodFacts[];
  /** How many of all that are selected alike are Ready now, replacements among them. */
  ready(): number;
  /** How many of them have to be when all is well. */
  wanted(): number;
}

/** Only Ready pods are chosen from: what is broken already cannot show a fault. Throws CannotRun when there is none, or chance took none. */
export function aimAt(deployed: Deployed, aim: Aim, random: () => number, what: string): Aimed {
  const foreign = aim.namespaces.find((namespace) => namespace !== deployed.namespace);
  if (foreign !== undefined)
    throw new CannotRun(
      `${what}: it selects in the namespace ${foreign}, and a run touches only its own, ${deployed.namespace}; correct selector.namespaces`,
    );
  const living = () => livingPods(deployed).filter((pod) => !pod.terminating && isSelected(aim, pod.labels));
  const all = living();
  const candidates = all.filter(({ ready }) => ready);
  const labels = [
    ...Object.entries(aim.labels).map((pair) => pair.join('=')),
    ...aim.oneOf.map(({ key, values }) => `${key} in (${values.join(',')})`),
  ].join(',');
  if (candidates.length === 0)
    throw new CannotRun(
      `${what}: no Ready pod in ${deployed.namespace} has the labels ${labels} (${all.length} are not Ready); correct the selector, or wait for the system`,
    );
  const pods = chooseTargets(aim, candidates, random);
  if (pods.length === 0)
    throw new CannotRun(
      `${what}: mode ${aim.mode} ${aim.value ?? ''} took none of ${candidates.length} pods this time, so nothing would happen; use fixed or fixed-percent`,
    );
  const ofWorkload = candidates.every((pod) => selects(deployed.labels, pod.labels));
  const before = candidates.length;
  return {
    pods,
    spared: candidates.filter((pod) => !pods.includes(pod)),
    ready: () => living().filter(({ ready }) => ready).length,
    wanted: () => (ofWorkload ? wantedReplicas(deployed) : before),
  };
}

function isSelected({ labels, oneOf }: Aim, of: Record<string, string>): boolean {
  return (
    Object.entries(labels).every(([key, value]) => of[key] === value) &&
    oneOf.every(({ key, values }) => values.includes(of[key] ?? ''))
  );
}
