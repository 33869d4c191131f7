import { scaleDownLimit } from '../../hpa/rate.ts';
import { EMPTY_STATE, type ScalingRules } from '../../hpa/types.ts';
import type { Finding } from '../finding.ts';
import { finding, type ManifestSet, type Scaler } from '../set.ts';

export const title = 'A scale-down policy that never decides anything';
export const severity = 'warning';

/** Beyond that many replicas the shape of the path is known. */
const MOST_STEPS = 1_000;
const SHOWN = 8;

/**
 * `selectPolicy` names the size of the change, and left out it is Max: of several policies the one that removes most decides. A slower policy
 * beside it reads as a brake and is none (autoscaling/v2 HPAScalingRules; the defaults of pkg/apis/autoscaling/v2).
 */
export function find({ scalers }: ManifestSet): Finding[] {
  return scalers.flatMap((scaler) => {
    const rules = scaler.hpa?.behavior?.scaleDown;
    if (!rules || scaler.choosesDown || rules.policies.length < 2) return [];
    const [first] = rules.policies;
    // Policies of different periods bind at different times.
    if (rules.policies.some(({ periodMs }) => periodMs !== first?.periodMs)) return [];
    const idle = rules.policies.findIndex((_, index) => isIdle(scaler, rules, index));
    const policy = rules.policies[idle];
    if (!policy) return [];
    const text = `${policy.type} ${policy.value}`;
    return [
      finding(
        scaler.manifest,
        ['spec', 'behavior', 'scaleDown', 'policies', idle],
        `selectPolicy is left out, so the biggest change wins (Max) and the policy ${text} never decides: the way down is ${way(scaler, rules)}, at most one step in ${policy.periodMs / 1_000} s, where with selectPolicy Min it is ${way(scaler, { ...rules, selectPolicy: 'Min' })}.`,
        `Set selectPolicy: Min if the slow way is meant; otherwise remove the policy ${text}, or write selectPolicy: Max to say that it is.`,
      ),
    ];
  });
}

/** Whether nothing would change without it, from any number of replicas the HPA may have. */
function isIdle({ min, max }: Scaler, rules: ScalingRules, index: number): boolean {
  const without = { ...rules, policies: rules.policies.filter((_, i) => i !== index) };
  for (let n = min + 1; n <= Math.min(max, min + MOST_STEPS); n += 1)
    if (step(n, min, rules) !== step(n, min, without)) return false;
  return max > min;
}

function step(replicas: number, min: number, rules: ScalingRules): number {
  return Math.max(min, Math.min(replicas, scaleDownLimit(replicas, rules, EMPTY_STATE, 0)));
}

/** `10 > 5 > 3` */
function way({ min, max }: Scaler, rules: ScalingRules): string {
  const path = [max];
  for (let n = max; n > min && path.length <= SHOWN;) {
    const next = step(n, min, rules);
    if (next >= n) break;
    path.push(next);
    n = next;
  }
  const ended = path.at(-1) === min;
  return ended ? path.join(' > ') : `${path.slice(0, SHOWN - 1).join(' > ')} > ... > ${min}`;
}
