/**
 * NetworkChaos partition and delay, on the links between pods and store. Its proof makes connections of its own through every link
 * and past them: a fault that did not happen must not be believed, and one that touched something else must be seen.
 */
import type { FaultObservation, PreparedFault } from '../../platform.ts';
import type { ChaosFault } from '../chaos.ts';
import type { FaultContext } from '../fault-context.ts';
import { firstFailure, postgresHandshake, SILENCE_MS } from '../handshake.ts';
import type { Effect } from '../network/messages.ts';
import type { Pod } from '../pod.ts';

const OPEN: Effect = { kind: 'open' };

/** Partition or delay on the links between the targets and the store. */
export function linkFault(context: FaultContext, fault: ChaosFault, targets: readonly Pod[]): PreparedFault {
  const { replicas, network } = context;
  const uids = new Set(targets.map((pod) => pod.uid));
  const toTarget = fault.direction === 'from' ? OPEN : fault.effect;
  const fromTarget = fault.direction === 'to' ? OPEN : fault.effect;
  const set = async (to: Effect, from: Effect) => {
    const linked = [...uids].filter((uid) => context.linkPort(uid) !== undefined);
    await Promise.all(linked.map((uid) => network.setEffect(uid, to, from)));
  };
  const latencyMs = fault.effect.kind === 'delay' ? fault.effect.latencyMs : 0;
  const timeoutMs = SILENCE_MS + 4 * latencyMs;
  // Between the first link that shows it and the last one it is neither there nor gone: it begins with all and ends with none.
  let seenOnAll = false;
  const directions = fault.direction === 'both' ? 'both directions' : `direction ${fault.direction}`;
  const effect = fault.effect.kind === 'delay' ? `delay ${latencyMs} ms on` : 'partition';
  return {
    targets: targets.map((pod) => pod.name),
    detail: `${effect} pods -> store, ${directions}, ${targets.length} of ${replicas.pods.length} pods`,
    inject: () => set(toTarget, fromTarget),
    heal: () => set(OPEN, OPEN),
    async observe(): Promise<FaultObservation> {
      const linked = replicas.pods.flatMap((pod) => {
        const port = context.linkPort(pod.uid);
        return port === undefined ? [] : [{ pod, contact: postgresHandshake(port, timeoutMs) }];
      });
      const direct = postgresHandshake(context.storePort, timeoutMs);
      const spared = linked.filter(({ pod }) => !uids.has(pod.uid));
      const aimed = await Promise.all(
        linked.filter(({ pod }) => uids.has(pod.uid)).map(({ contact }) => contact),
      );
      const hit = aimed.filter((contact) =>
        fault.effect.kind === 'delay' ? contact.answered && contact.ms >= latencyMs * 0.5 : !contact.answered,
      ).length;
      const store = await firstFailure([['the store itself', direct]]);
      const others = await firstFailure(
        spared.map(({ pod, contact }) => [`the link of ${pod.name}`, contact]),
        fault.effect.kind === 'delay' ? latencyMs * 0.5 : undefined,
      );
      const all = hit === aimed.length && hit > 0;
      // A store that answers nobody looks the same through every link: then this proves nothing.
      const storeAnswers = store === undefined;
      const elsewhere = store ?? others;
      seenOnAll ||= all && storeAnswers;
      const acting = storeAnswers && (seenOnAll ? hit > 0 : all);
      if (!acting && hit === 0) seenOnAll = false;
      const slowest = Math.max(0, ...aimed.map((contact) => (contact.answered ? contact.ms : 0)));
      const detail = `${hit} of ${aimed.length} targeted links ${fault.effect.kind === 'delay' ? 'slow' : 'silent'}${slowest > 0 ? `, slowest answer ${slowest.toFixed(1)} ms` : ''}`;
      return { acting, detail, ...(elsewhere !== undefined && { elsewhere }) };
    },
  };
}
