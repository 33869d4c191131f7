/** When an applied object does its work, by what its own controller says of it. */
import { z } from 'zod';
import type { KubeObject } from '../kubernetes/cluster.ts';

const Conditions = z
  .array(z.object({ type: z.string(), status: z.string(), message: z.string().optional() }))
  .default([]);
const count = z.number().default(0);

const Generation = z.object({ observedGeneration: count }).prefault({});
const Conditioned = z.object({ conditions: Conditions }).prefault({});
const DeploymentState = z.object({
  spec: z.object({ replicas: z.number().default(1) }),
  status: z.object({ updatedReplicas: count, availableReplicas: count }).prefault({}),
});
const DaemonSetState = z.object({
  status: z
    .object({ desiredNumberScheduled: count, updatedNumberScheduled: count, numberAvailable: count })
    .prefault({}),
});

/** What is still missing, in words; null when nothing is, and for kinds that are ready by being there. */
export function lacks(object: KubeObject): string | null {
  switch (`${object.apiVersion} ${object.kind}`) {
    case 'apps/v1 Deployment':
      return unobserved(object) ?? deploymentLacks(object);
    case 'apps/v1 DaemonSet':
      return unobserved(object) ?? daemonSetLacks(object);
    case 'apiregistration.k8s.io/v1 APIService':
      return conditionLacks(object, 'Available');
    case 'apiextensions.k8s.io/v1 CustomResourceDefinition':
      return conditionLacks(object, 'Established');
    default:
      return null;
  }
}

/** A status that speaks of an older spec says nothing of this one. */
function unobserved({ metadata, status }: KubeObject): string | null {
  const seen = Generation.safeParse(status);
  if (!seen.success) return 'its status cannot be read';
  return seen.data.observedGeneration < (metadata.generation ?? 1)
    ? 'its controller has not seen it yet'
    : null;
}

function deploymentLacks(object: KubeObject): string | null {
  const state = DeploymentState.safeParse(object);
  if (!state.success) return 'its status cannot be read';
  const { replicas } = state.data.spec;
  const { updatedReplicas, availableReplicas } = state.data.status;
  if (updatedReplicas < replicas || availableReplicas < replicas) {
    return `${Math.min(updatedReplicas, availableReplicas)} of ${replicas} pods available`;
  }
  return conditionLacks(object, 'Available');
}

function daemonSetLacks(object: KubeObject): string | null {
  const state = DaemonSetState.safeParse(object);
  if (!state.success) return 'its status cannot be read';
  const { desiredNumberScheduled, updatedNumberScheduled, numberAvailable } = state.data.status;
  const done = Math.min(updatedNumberScheduled, numberAvailable);
  if (desiredNumberScheduled === 0) return 'no node to run on';
  return done < desiredNumberScheduled ? `available on ${done} of ${desiredNumberScheduled} nodes` : null;
}

function conditionLacks({ status }: KubeObject, type: string): string | null {
  const state = Conditioned.safeParse(status);
  if (!state.success) return 'its status cannot be read';
  const found = state.data.conditions.find((condition) => condition.type === type);
  if (found?.status === 'True') return null;
  return `not ${type}${found?.message === undefined || found.message === '' ? '' : `: ${found.message}`}`;
}
