/**
 * `kubectl drain` of one node that runs pods of the workload: cordoned, emptied by the eviction API (which asks the PodDisruptionBudget)
 * and uncordoned. Only pods of the run's own namespace are evicted: others on that node belong to somebody else. A node that runs
 * anything else of the namespace is never chosen, since emptying the node of a store would test the store's volume.
 */
import { z } from 'zod';
import { CannotRun } from '../../platform.ts';
import type { PreparedFault } from '../../platform.ts';
import type { Deployed } from '../cluster.ts';
import { assertNoOverlap } from './overlap.ts';
import { firstDeaf, podsWith, readPod, selects, wantedReplicas } from './pod.ts';
import type { PodFacts } from './pod.ts';
import { changeMarked } from './restore.ts';
import { PROMETHEUS_LABEL } from '../labels.ts';
import { holdLease } from './lease.ts';
import type { HeldLease } from './lease.ts';
import { pause, until } from './wait.ts';

/** kubectl asks again every 5 s; more often, so that the time a budget costs is seen finer. */
const ASK_AGAIN_MS = 1_000;
const SILENCE_MS = 1_000;

const Node = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({ unschedulable: z.boolean().default(false) }).prefault({}),
  status: z
    .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) })
    .prefault({}),
});

/** A node by chance among those that may be emptied. Throws CannotRun with the reason of every node that may not. */
export function chooseNode(deployed: Deployed, random: () => number): { node: string; pods: PodFacts[] } {
  const pods = deployed
    .pods()
    .flatMap((object) => readPod(object) ?? [])
    .filter((pod) => pod.namespace === deployed.namespace && !pod.ended && !pod.ofNode)
    // The run's own instrument: it stays where it is, whatever node is emptied of the workload.
    .filter((pod) => pod.labels[PROMETHEUS_LABEL] === undefined);
  const nodes = deployed.nodes().flatMap((object) => {
    const { data } = Node.safeParse(object);
    if (!data) return [];
    const ready = data.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
    return [{ name: data.metadata.name, takes: ready && !data.spec.unschedulable }];
  });
  const why: string[] = [];
  const candidates: { node: string; pods: PodFacts[] }[] = [];
  for (const { name, takes } of nodes) {
    const here = pods.filter(({ node }) => node === name);
    const own = here.filter((pod) => selects(deployed.labels, pod.labels));
    const other = here.find((pod) => !selects(deployed.labels, pod.labels));
    if (!takes) why.push(`${name} is cordoned or not Ready`);
    else if (own.length === 0) why.push(`${name} runs no pod of ${deployed.deployment}`);
    else if (other) why.push(`${name} also runs ${other.name}`);
    else if (!nodes.some((node) => node.name !== name && node.takes))
      why.push(`${name} is the only node that takes pods, so its pods could go nowhere`);
    else candidates.push({ node: name, pods: own });
  }
  const chosen = candidates[Math.floor(random() * candidates.length)];
  if (!chosen)
    throw new CannotRun(
      `no node can be drained: ${why.join('; ') || 'the cluster shows no nodes to these credentials'}; add a node, or keep the other pods off the workload's nodes`,
    );
  return chosen;
}

/**
 * Takes the Lease of node faults, which is waited for here so that it does not count as time in which the fault failed to act, and
 * chooses the node. Throws CannotRun.
 */
export async function drain(
  deployed: Deployed,
  slotMs: number,
  random: () => number,
): Promise<PreparedFault> {
  const lease = await holdLease(deployed.cluster, deployed.runId, deployed.signal);
  try {
    // Not before: while it is waited for, people cordon nodes and pods move.
    return drainNode(deployed, slotMs, chooseNode(deployed, random), lease);
  } catch (error) {
    await lease.release().catch(() => undefined); // it runs out by itself, and `proofload heal` finds its label
    throw error;
  }
}

function drainNode(
  deployed: Deployed,
  slotMs: number,
  { node, pods: before }: { node: string; pods: PodFacts[] },
  lease: HeldLease,
): PreparedFault {
  const { signal } = deployed;
  const ref = { apiVersion: 'v1', kind: 'Node', name: node };
  const bystanders = podsWith(deployed, deployed.labels).filter((pod) => pod.node !== node && pod.ready);
  const doomed = new Set(before.map(({ uid }) => uid));
  let uncordon: (() => Promise<void>) | undefined;
  let deadlineMs = 0;
  let over = false;

  const state = () => {
    const pods = podsWith(deployed, deployed.labels);
    const left = pods.filter(({ uid }) => doomed.has(uid));
    const ready = pods.filter((pod) => pod.ready && !pod.terminating && !doomed.has(pod.uid)).length;
    const begun = left.length < doomed.size || left.some(({ terminating }) => terminating);
    return { begun, left: left.length, ready, wanted: wantedReplicas(deployed) };
  };
  const isEmpty = () => {
    const { left, ready, wanted } = state();
    return left === 0 && ready >= wanted;
  };
  const lost = () => {
    const why = lease.lost();
    return why === undefined
      ? undefined
      : `the Lease of node faults was lost (${why}), so another run may empty a node at the same time`;
  };
  const assertHeld = () => {
    const why = lost();
    if (why !== undefined) throw new CannotRun(`drain of ${node}: ${why}; run it again`);
  };
  const words = () => {
    const { left, ready, wanted } = state();
    return `${left} pods left on ${node}, ${ready} of ${wanted} replicas ready elsewhere`;
  };
  const letGo = async () => {
    try {
      await uncordon?.();
    } finally {
      await lease.release();
    }
  };

  return {
    // A PodDisruptionBudget may keep even the first eviction waiting.
    actsWithinMs: slotMs,
    targets: [node, ...before.map(({ name }) => name)],
    detail: `drain of ${node} by eviction, ${before.length} of ${podsWith(deployed, deployed.labels).length} pods`,
    async inject() {
      await assertNoOverlap(deployed, before);
      assertHeld();
      uncordon = await changeMarked(deployed, {
        what: `${node}: uncordon`,
        ref,
        forth: { spec: { unschedulable: true } },
        back: { spec: { unschedulable: null } },
      });
      deadlineMs = performance.now() + slotMs;
      // One more may have come between the choice and the cordon.
      const here = podsWith(deployed, deployed.labels).filter((pod) => pod.node === node && !pod.ofNode);
      for (const { uid } of here) doomed.add(uid);
      await Promise.all(here.map((pod) => evict(deployed, pod, deadlineMs, assertHeld)));
    },
    async heal() {
      try {
        if (uncordon && !over && !signal.aborted) {
          over = true;
          const timeoutMs = Math.max(0, deadlineMs - performance.now());
          if (!(await until(isEmpty, { timeoutMs, signal })) && !signal.aborted)
            throw new Error(`the drain is not over after ${Math.round(slotMs / 1_000)} s: ${words()}`);
        }
      } finally {
        await letGo();
      }
    },
    async observe() {
      const deaf = await firstDeaf(deployed, bystanders, SILENCE_MS);
      const acting = uncordon !== undefined && state().begun && !isEmpty();
      const elsewhere = [lost(), deaf].filter((part) => part !== undefined).join('; ');
      return { acting, detail: words(), ...(elsewhere !== '' && { elsewhere }) };
    },
  };
}

/** Asks until it is granted; never deletes instead. Throws with the API's words when the time is over, and what `assertHeld` throws. */
async function evict(
  { cluster, signal }: Deployed,
  pod: PodFacts,
  deadlineMs: number,
  assertHeld: () => void,
): Promise<void> {
  while (!signal.aborted) {
    assertHeld();
    const { result, message } = await cluster.evict(pod.namespace, pod.name);
    if (result !== 'refused') return;
    if (performance.now() + ASK_AGAIN_MS > deadlineMs)
      throw new Error(
        `${pod.name} could not be evicted in time: ${message}; its PodDisruptionBudget leaves no room`,
      );
    await pause(ASK_AGAIN_MS, signal);
  }
}
