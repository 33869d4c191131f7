/**
 * What an accused controller behaves like: whether one other value of a single flag, or one other field of the HPA, leaves no step of the whole
 * trace unexplained. The values tried are those that people set; a range runs from the first of them that explains the trace to the last.
 */
import { judgeTrace } from './judge.ts';
import type { ParameterName } from './trace-events.ts';
import type { HpaTrace } from './trace.ts';
import type { Behavior, ControllerParameters, HpaSpec, ScalingRules } from './types.ts';

const SECONDS = [0, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1_800];
const TRIED: Record<ParameterName, { flag: string; unit: '' | ' s'; values: readonly number[] }> = {
  tolerance: {
    flag: 'tolerance',
    unit: '',
    values: [
      0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
      1.5, 2,
    ],
  },
  downscaleStabilizationMs: { flag: 'downscale-stabilization', unit: ' s', values: SECONDS },
  syncPeriodMs: { flag: 'sync-period', unit: ' s', values: SECONDS.slice(1, 10) },
  cpuInitializationMs: { flag: 'cpu-initialization-period', unit: ' s', values: SECONDS },
  initialReadinessDelayMs: { flag: 'initial-readiness-delay', unit: ' s', values: SECONDS.slice(0, 13) },
};

export interface FlagExplanation {
  parameter: ParameterName;
  /** `--horizontal-pod-autoscaler-tolerance of 0.25 to 0.35` */
  words: string;
}

/** Every flag of kube-controller-manager of which another value explains the whole trace. */
export function explainByFlag(trace: HpaTrace, parameters: ControllerParameters): FlagExplanation[] {
  return PARAMETERS.flatMap((parameter) => {
    const { flag, unit, values } = TRIED[parameter];
    const scale = unit === '' ? 1 : 1_000;
    const fitting = values.filter(
      (value) =>
        value * scale !== parameters[parameter] &&
        explains(trace, { ...parameters, [parameter]: value * scale }),
    );
    const [from] = fitting;
    const to = fitting.at(-1);
    if (from === undefined || to === undefined) return [];
    const range = from === to ? `${from}${unit}` : `${from} to ${to}${unit}`;
    return [{ parameter, words: `--horizontal-pod-autoscaler-${flag} of ${range}` }];
  });
}

const PARAMETERS: readonly ParameterName[] = [
  'tolerance',
  'downscaleStabilizationMs',
  'cpuInitializationMs',
  'initialReadinessDelayMs',
  'syncPeriodMs',
];

/** Another HPA than the one read back of which the whole trace would be legal, in words. */
export function explainBySpec(trace: HpaTrace, parameters: ControllerParameters): string[] {
  const sizes = trace.writes.map(({ desired }) => desired).filter((size) => size > 0);
  const [first] = trace.writes;
  const variants: [string, (spec: HpaSpec) => HpaSpec][] = [
    ['the spec before it was changed', (spec) => first?.spec ?? spec],
    [`maxReplicas ${Math.max(...sizes)}`, (spec) => ({ ...spec, max: Math.max(...sizes) })],
    [`minReplicas ${Math.min(...sizes)}`, (spec) => ({ ...spec, min: Math.min(...sizes) })],
    ['no behavior', (spec) => ({ ...spec, behavior: null })],
    ['no policies', withBehavior((behavior) => mapBoth(behavior, withoutPolicies))],
    ...(['scaleUp', 'scaleDown'] as const).flatMap((direction) => [
      ...(['Max', 'Min', 'Disabled'] as const).map((selectPolicy): [string, (spec: HpaSpec) => HpaSpec] => [
        `${direction}.selectPolicy ${selectPolicy}`,
        withBehavior((behavior) => ({ ...behavior, [direction]: { ...behavior[direction], selectPolicy } })),
      ]),
      ...SECONDS.map((seconds): [string, (spec: HpaSpec) => HpaSpec] => [
        `${direction}.stabilizationWindowSeconds ${seconds}`,
        withBehavior((behavior) => ({
          ...behavior,
          [direction]: { ...behavior[direction], stabilizationMs: seconds * 1_000 },
        })),
      ]),
    ]),
  ];
  return variants
    .filter(([, change]) => explains(withSpec(trace, change), parameters))
    .map(([words]) => words);
}

function explains(trace: HpaTrace, parameters: ControllerParameters): boolean {
  return judgeTrace(trace, parameters).every(({ outcome }) => outcome !== 'illegal');
}

function withSpec(trace: HpaTrace, change: (spec: HpaSpec) => HpaSpec): HpaTrace {
  const changed = new Map<HpaSpec, HpaSpec>();
  for (const { spec } of trace.writes) if (!changed.has(spec)) changed.set(spec, change(spec));
  return {
    ...trace,
    writes: trace.writes.map((write) => ({ ...write, spec: changed.get(write.spec) ?? write.spec })),
  };
}

function withBehavior(change: (behavior: Behavior) => Behavior): (spec: HpaSpec) => HpaSpec {
  return (spec) => (spec.behavior ? { ...spec, behavior: change(spec.behavior) } : spec);
}

function mapBoth({ scaleUp, scaleDown }: Behavior, change: (rules: ScalingRules) => ScalingRules): Behavior {
  return { scaleUp: change(scaleUp), scaleDown: change(scaleDown) };
}

function withoutPolicies(rules: ScalingRules): ScalingRules {
  return { ...rules, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 1e6, periodMs: 1_000 }] };
}
