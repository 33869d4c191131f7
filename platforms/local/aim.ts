/** Does a chaos object fit the system and the scenario that uses it? */
import { UsageError } from '../../record/model.ts';
import { selectsLabels } from '../manifests/find.ts';
import { badInput, nearest } from '../manifests/located.ts';
import { leftOut } from '../manifests/unplayed.ts';
import type { Unplayed } from '../manifests/unplayed.ts';
import type { FaultUse } from '../platform.ts';
import type { ChaosFault } from './chaos.ts';
import type { LocalSystem } from './system.ts';

/**
 * Does the fault aim at the pods, and from there at the store? Throws UsageError if not. The store is often not in the
 * manifests, and is the only other party here: labels that no workload carries are taken to mean it, and that is said.
 */
export function checkAim(chaos: ChaosFault, system: LocalSystem): Unplayed[] {
  const selector = nearest(chaos.place, ['spec', 'selector', 'labelSelectors']);
  if (!selectsLabels(chaos.labels, system.labels))
    throw badInput(
      selector,
      chaos.title,
      'spec.selector',
      `selects no pod of ${system.workload.name}, whose labels are ${JSON.stringify(system.labels)}`,
    );
  const unplayed = foreignNamespaces(chaos, system, ['spec', 'selector']);
  if (chaos.kind === 'pod-kill') return unplayed;
  unplayed.push(...foreignNamespaces(chaos, system, ['spec', 'target', 'selector']));
  const target = nearest(chaos.place, ['spec', 'target', 'selector', 'labelSelectors']);
  if (selectsLabels(chaos.targetLabels, system.labels))
    throw badInput(
      target,
      chaos.title,
      'spec.target',
      'selects the pods themselves; the local platform plays faults between the pods and their store',
    );
  if (!system.otherLabels.some((labels) => selectsLabels(chaos.targetLabels, labels)))
    unplayed.push(
      leftOut(
        target,
        chaos.title,
        'spec.target.selector',
        'no workload of the manifests has these labels; taken to mean the store',
      ),
    );
  return unplayed;
}

/** Namespaces choose nothing here. Those that name the workload's own lose nothing by that; others would choose differently in a cluster. */
function foreignNamespaces(
  { place, title }: ChaosFault,
  system: LocalSystem,
  at: readonly string[],
): Unplayed[] {
  const node = nearest(place, [...at, 'namespaces']);
  if (!Array.isArray(node.value)) return [];
  const { namespace } = system.deployment.metadata;
  if (node.value.length === 1 && node.value[0]?.value === namespace) return [];
  return [
    leftOut(
      node,
      title,
      [...at, 'namespaces'].join('.'),
      `there are no namespaces here, so they select nothing; the manifests' own is ${namespace}`,
    ),
  ];
}

/** A fault that lasts needs a length, from the scenario or its own `duration`; one that is over at once can have none. Throws UsageError. */
export function checkLength(chaos: ChaosFault, { name, forMs }: FaultUse): void {
  const { file } = chaos.place;
  if (chaos.kind === 'pod-kill' && forMs !== undefined)
    throw new UsageError(
      `disturbance ${name}: ${file} is a pod-kill, which is over at once and cannot last; remove forMs from the scenario`,
    );
  if (chaos.kind !== 'pod-kill' && forMs === undefined && chaos.durationMs === undefined)
    throw new UsageError(
      `disturbance ${name}: nobody says how long the ${chaos.kind} of ${file} lasts; give forMs in the scenario or spec.duration in the file`,
    );
}
