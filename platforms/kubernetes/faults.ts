/** The faults of a cluster: what a scenario may ask for, checked before the start, and prepared when its time has come. */
import { UsageError } from '../../record/model.ts';
import type { PlannedFault } from '../../record/model.ts';
import type { Located } from '../manifests/located.ts';
import { CannotRun } from '../platform.ts';
import type { FaultUse, PreparedFault } from '../platform.ts';
import type { Deployed } from './cluster.ts';
import { checkLength, isMomentary, needsNetem, readChaosFile } from './faults/chaos-file.ts';
import { drain } from './faults/drain.ts';
import { networkChaos } from './faults/network-chaos.ts';
import { podChaos } from './faults/pod-chaos.ts';
import { rolloutRestart } from './faults/rollout-restart.ts';
import { scaleTo } from './faults/scale.ts';
import { stressChaos } from './faults/stress-chaos.ts';

/** A slot is what an idle machine needs. How long a recovery may take is for the checks to say; waiting for it longer only makes the proof whole. */
const PATIENCE = 3;

/** What is known of the nodes' kernels before the start; `unknown` is what an API alone can say. */
export interface LiveFacts {
  netem: 'present' | 'absent' | 'unknown';
}

/**
 * Can this fault work? `object` is the one of the chaos file, absent for a verb. `durationMs` is the file's own length; `notRun` says why
 * these nodes cannot play it. Throws UsageError with file and line.
 */
export function checkFault(
  use: FaultUse,
  object: Located | undefined,
  live: LiveFacts = { netem: 'unknown' },
): { durationMs?: number; notRun?: string } {
  const { name, fault, forMs } = use;
  if (typeof fault === 'object' && 'chaos' in fault) {
    if (!object) throw new UsageError(`disturbance ${name}: chaos/${fault.chaos}.yaml: no such fault`);
    const file = readChaosFile(object);
    checkLength(file, use);
    return {
      ...(file.durationMs !== undefined && { durationMs: file.durationMs }),
      ...(needsNetem(file) &&
        live.netem === 'absent' && {
          notRun: `${file.effect.action} needs the kernel module sch_netem on every node, and it is not there`,
        }),
    };
  }
  // More load is the harness's own doing; nothing in the cluster is touched.
  if (typeof fault === 'object' && 'surge' in fault) return {};
  if (typeof fault === 'object' && forMs === undefined)
    throw new UsageError(
      `disturbance ${name}: nobody says how long scaleTo ${fault.scaleTo} lasts; give forMs in the scenario`,
    );
  if (typeof fault === 'string' && forMs !== undefined)
    throw new UsageError(
      `disturbance ${name}: ${fault} takes as long as it takes; remove forMs from the scenario`,
    );
  return {};
}

/**
 * Chooses targets with `random` in [0, 1) and looks at how things are before the blow; changes nothing. `object` is the chaos file's,
 * already in the run's namespace. Throws CannotRun when it could not be aimed or proven, ApiError when the cluster refuses to answer.
 */
export async function prepareFault(
  deployed: Deployed,
  planned: PlannedFault,
  object: Located | undefined,
  random: () => number,
): Promise<PreparedFault> {
  const { fault } = planned;
  const slotMs = planned.slotMs * PATIENCE;
  if (fault === 'drain') return drain(deployed, slotMs, random);
  if (fault === 'rollout-restart') return rolloutRestart(deployed, slotMs);
  if ('scaleTo' in fault) return scaleTo(deployed, fault.scaleTo, slotMs);
  if ('surge' in fault) throw new Error('more load is played by the harness');
  if (!object) throw new CannotRun(`chaos/${fault.chaos}.yaml: no such fault`);
  const file = readChaosFile(object);
  const forMs = isMomentary(file) ? undefined : (planned.forMs ?? file.durationMs);
  if (file.kind === 'PodChaos') return podChaos(deployed, file, { forMs, slotMs }, random);
  if (file.kind === 'NetworkChaos') return networkChaos(deployed, file, forMs, random);
  return stressChaos(deployed, file, forMs, random);
}
