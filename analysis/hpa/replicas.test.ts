/**
 * Cases of upstream's replica_calculator_test.go: inputs and expected results, by number and by the name of the case there. One
 * long file, as the table is there.
 */
import { describe, expect, it } from 'vitest';
import { classify, proposalOf, type ProposalInput, tolerancesOf } from './replicas.ts';
import { CONTROLLER_DEFAULTS, type ControllerParameters, type HpaPod, type MetricSpec } from './types.ts';

const MINUTE_MS = 60_000;
const NOW_MS = 1_000 * MINUTE_MS;
/** In its initialization period, and past it. */
const HOT = NOW_MS;
const COOL = NOW_MS - 3 * MINUTE_MS;

function parameters(version: readonly [number, number]): ControllerParameters {
  return {
    ...CONTROLLER_DEFAULTS,
    version,
    cpuInitializationMs: 2 * MINUTE_MS,
    initialReadinessDelayMs: 10_000,
  };
}

interface Case {
  /** `spec.replicas` and `status.replicas`. */
  current: number;
  target: number;
  /** Of each pod, or of each of its containers; a plain number is that of both of its containers. */
  levels: readonly (number | readonly number[])[];
  requests?: readonly number[];
  /** T or F, by pod. */
  ready?: string;
  /** R(unning), P(ending), F(ailed), S(ucceeded), by pod. */
  phase?: string;
  deleted?: string;
  start?: readonly number[];
  container?: string;
  podNames?: readonly string[];
  tolerances?: { up: number; down: number };
  version?: readonly [number, number];
}

const PHASES: Record<string, string> = { R: 'Running', P: 'Pending', F: 'Failed', S: 'Succeeded' };

function podsOf({ current, requests, ready, phase, deleted, start }: Case): HpaPod[] {
  return Array.from({ length: Math.max(current, phase?.length ?? 0, deleted?.length ?? 0) }, (_, index) => {
    const requestMilli = requests?.[index];
    const requestsMilli: Record<string, number> = requestMilli === undefined ? {} : { cpu: requestMilli };
    return {
      name: `pod-${index}`,
      phase: PHASES[phase?.[index] ?? 'R'] ?? '',
      deleted: deleted?.[index] === 'T',
      startedAtMs: start?.[index] ?? 0,
      ready: { status: (ready?.[index] ?? 'T') === 'T', changedAtMs: 0 },
      containers: ['container1', 'container2'].map((name) => ({ name, requestsMilli })),
    };
  });
}

function inputOf(of: Case): Omit<ProposalInput, 'podMetrics' | 'valueMilli'> {
  return {
    specReplicas: of.current,
    statusReplicas: of.current,
    pods: podsOf(of),
    tolerances: of.tolerances ?? { up: 0.1, down: 0.1 },
    nowMs: NOW_MS,
    parameters: parameters(of.version ?? [1, 35]),
  };
}

function podMetricsOf({ levels, container, podNames }: Case, perPod: boolean) {
  return new Map(
    levels.flatMap((level, index) => {
      const ofContainers = typeof level === 'number' ? [level, ...(perPod ? [] : [level])] : level;
      const counted =
        container === undefined
          ? ofContainers
          : ofContainers.filter((_, of) => container === `container${of + 1}`);
      if (counted.length === 0) return [];
      const valueMilli = counted.reduce((sum, milli) => sum + milli, 0);
      return [[podNames?.[index] ?? `pod-${index}`, { valueMilli, atMs: 0, windowMs: MINUTE_MS }] as const];
    }),
  );
}

function cpu(of: Case) {
  const metric: MetricSpec = {
    source: of.container === undefined ? 'Resource' : 'ContainerResource',
    name: 'cpu',
    ...(of.container === undefined ? {} : { container: of.container }),
    target: { type: 'utilization', value: of.target },
  };
  return proposalOf(metric, { ...inputOf(of), podMetrics: podMetricsOf(of, false) });
}

const THREE = [1_000, 1_000, 1_000];
const FOUR = [...THREE, 1_000];
const FIVE = [...FOUR, 1_000];
const SEVEN = [...FIVE, 1_000, 1_000];
const FALLING = [100, 300, 500, 250, 250];

describe('GetResourceReplicas', () => {
  it.each<[string, Case, [replicas: number, percent: number, milli: number]]>([
    ['R1 ScaleUp', { current: 3, target: 30, levels: [300, 500, 700], requests: THREE }, [5, 50, 1_000]],
    [
      'R2 ScaleUpUnreadyLessScale',
      { current: 3, target: 30, levels: [300, 500, 700], requests: THREE, ready: 'FTT' },
      [4, 60, 1_200],
    ],
    [
      'R3 ScaleUpHotCpuLessScale',
      { current: 3, target: 30, levels: [300, 500, 700], requests: THREE, start: [HOT, COOL, COOL] },
      [4, 60, 1_200],
    ],
    [
      'R4 ScaleHotCpuNoScale',
      {
        current: 3,
        target: 30,
        levels: [400, 500, 700],
        requests: THREE,
        ready: 'TFF',
        start: [COOL, HOT, HOT],
      },
      [3, 40, 800],
    ],
    [
      'R5 succeeded pods are ignored from 1.37 on',
      {
        current: 2,
        target: 30,
        levels: [500, 700],
        requests: FOUR,
        ready: 'TTFF',
        phase: 'RRSS',
        version: [1, 37],
      },
      [4, 60, 1_200],
    ],
    [
      'R5 succeeded pods are missing before',
      {
        current: 2,
        target: 30,
        levels: [500, 700],
        requests: FOUR,
        ready: 'TTFF',
        phase: 'RRSS',
        version: [1, 36],
      },
      [2, 60, 1_200],
    ],
    ['R6 ScaleDown', { current: 5, target: 50, levels: FALLING, requests: FIVE }, [3, 28, 560]],
    [
      'R7 ScaleDownExcludeUnreadyPods',
      { current: 5, target: 50, levels: FALLING, requests: FIVE, ready: 'TTTFF' },
      [2, 30, 600],
    ],
    [
      'R8 ScaleDownIgnoreHotCpuPods',
      { current: 5, target: 50, levels: FALLING, requests: FIVE, start: [COOL, COOL, COOL, HOT, HOT] },
      [2, 30, 600],
    ],
    [
      'R9 succeeded pods are ignored from 1.37 on',
      {
        current: 5,
        target: 50,
        levels: FALLING,
        requests: SEVEN,
        ready: 'TTTTTFF',
        phase: 'RRRRRSS',
        version: [1, 37],
      },
      [3, 28, 560],
    ],
    [
      'R9 succeeded pods are missing before',
      {
        current: 5,
        target: 50,
        levels: FALLING,
        requests: SEVEN,
        ready: 'TTTTTFF',
        phase: 'RRRRRSS',
        version: [1, 36],
      },
      [5, 28, 560],
    ],
    [
      'R10 within the default tolerance',
      { current: 3, target: 100, levels: [1_010, 1_030, 1_020], requests: [900, 1_000, 1_100] },
      [3, 102, 2_040],
    ],
    [
      'R11 within 200 % tolerance up',
      {
        current: 3,
        target: 100,
        levels: [1_890, 1_910, 1_900],
        requests: [900, 1_000, 1_100],
        tolerances: { down: 0.1, up: 2 },
      },
      [3, 190, 3_800],
    ],
    [
      'R12 within 36 % tolerance down',
      {
        current: 3,
        target: 100,
        levels: [660, 640, 650],
        requests: [900, 1_000, 1_100],
        tolerances: { down: 0.36, up: 0.1 },
      },
      [3, 65, 1_300],
    ],
    [
      'R13 SuperfluousMetrics',
      { current: 4, target: 100, levels: [4_000, 9_500, 3_000, 7_000, 3_200, 2_000], requests: FOUR },
      [24, 587, 11_750],
    ],
    [
      'R14 MissingMetricsNoChangeEq',
      { current: 2, target: 100, levels: [1_000], requests: [1_000, 1_000] },
      [2, 100, 2_000],
    ],
    [
      'R15 MissingMetricsNoChangeLt',
      { current: 2, target: 100, levels: [600], requests: [1_000, 1_000] },
      [2, 60, 1_200],
    ],
    [
      'R16 MissingMetricsHotCpuNoChange',
      { current: 3, target: 50, levels: [100, 450], requests: THREE, start: [HOT, COOL, COOL] },
      [3, 45, 900],
    ],
    [
      'R17 MissingMetricsHotCpuScaleUp',
      {
        current: 3,
        target: 50,
        levels: [100, 2_000],
        requests: THREE,
        ready: 'FTT',
        start: [HOT, COOL, COOL],
      },
      [4, 200, 4_000],
    ],
    [
      'R18 MissingMetricsScaleDownTargetOver100',
      {
        current: 4,
        target: 300,
        levels: [200, 100, 100],
        requests: [1_000, 1_000, 2_000, 2_000],
        ready: 'FTTT',
      },
      [2, 6, 200],
    ],
    [
      'R21 ComputedToleranceAlgImplementation, past the tolerance it was meant to be',
      {
        current: 10,
        target: 55,
        levels: Array.from({ length: 10 }, () => 150),
        requests: [400, 200, 310, 290, 302, 298, 301, 299, 300, 300],
      },
      [10, 50, 300],
    ],
    [
      'ComputedToleranceAlgImplementation, scaling',
      {
        current: 10,
        target: 56,
        levels: Array.from({ length: 10 }, () => 150),
        requests: [400, 200, 310, 290, 302, 298, 301, 299, 300, 300],
      },
      [9, 50, 300],
    ],
    [
      'ContainerScaleUp',
      {
        current: 3,
        target: 30,
        levels: [
          [1_000, 300],
          [1_000, 500],
          [1_000, 700],
        ],
        requests: THREE,
        container: 'container2',
      },
      [5, 50, 500],
    ],
    [
      'ScaleUpContainerHotCpuLessScale',
      {
        current: 3,
        target: 30,
        levels: [
          [0, 300],
          [0, 500],
          [0, 700],
        ],
        requests: THREE,
        start: [HOT, COOL, COOL],
        container: 'container2',
      },
      [4, 60, 600],
    ],
    [
      'ScaleUpUnreadyNoScale',
      { current: 3, target: 30, levels: [400, 500, 700], requests: THREE, ready: 'TFF' },
      [3, 40, 800],
    ],
    [
      'ScaleUpIgnoresFailedPods',
      { current: 2, target: 30, levels: [500, 700], requests: FOUR, ready: 'TTFF', phase: 'RRFF' },
      [4, 60, 1_200],
    ],
    [
      'MissingContainerMetricScaleUpIgnoresFailedPods',
      {
        current: 2,
        target: 30,
        levels: [[1_000, 500], [9_000, 700], [1_000], [9_000]],
        requests: FOUR,
        ready: 'TTFF',
        phase: 'RRFF',
        container: 'container2',
      },
      [4, 60, 600],
    ],
    [
      'ScaleUpIgnoresDeletionPods',
      { current: 2, target: 30, levels: [500, 700], requests: FOUR, ready: 'TTFF', deleted: 'FFTT' },
      [4, 60, 1_200],
    ],
    [
      'ContainerScaleDown',
      {
        current: 5,
        target: 50,
        levels: FALLING.map((level) => [1_000, level]),
        requests: FIVE,
        container: 'container2',
      },
      [3, 28, 280],
    ],
    [
      'ScaleDownExcludeUnscheduledPods',
      { current: 5, target: 50, levels: [100], requests: FIVE, ready: 'TFFFF', phase: 'RPPPP' },
      [1, 10, 200],
    ],
    [
      'ScaleDownContainerExcludeUnscheduledPods',
      {
        current: 5,
        target: 50,
        levels: FALLING.map((level) => [1_000, level]),
        requests: FIVE,
        ready: 'TFFFF',
        phase: 'RPPPP',
        container: 'container2',
      },
      [1, 10, 100],
    ],
    [
      'ScaleDownIgnoresFailedPods',
      { current: 5, target: 50, levels: FALLING, requests: SEVEN, ready: 'TTTTTFF', phase: 'RRRRRFF' },
      [3, 28, 560],
    ],
    [
      'ScaleDownIgnoresDeletionPods',
      { current: 5, target: 50, levels: FALLING, requests: SEVEN, ready: 'TTTTTFF', deleted: 'FFFFFTT' },
      [3, 28, 560],
    ],
    [
      'ScaleDownIgnoresDeletionPods_StillRunning',
      {
        current: 5,
        target: 50,
        levels: [...FALLING, 900, 900].map((level) => [1_000, level]),
        requests: SEVEN,
        ready: 'TTTTTTT',
        deleted: 'FFFFFTT',
        container: 'container2',
      },
      [3, 28, 280],
    ],
    ['MissingMetrics', { current: 4, target: 100, levels: [400, 95], requests: FOUR }, [3, 24, 495]],
    [
      'MissingMetricsNoChangeGt',
      { current: 2, target: 100, levels: [1_900], requests: [1_000, 1_000] },
      [2, 190, 3_800],
    ],
    [
      'MissingMetricsUnreadyChange',
      { current: 3, target: 50, levels: [100, 450], requests: THREE, ready: 'FTT' },
      [3, 45, 900],
    ],
    [
      'MissingMetricsUnreadyScaleUp',
      { current: 3, target: 50, levels: [100, 2_000], requests: THREE, ready: 'FTT' },
      [4, 200, 4_000],
    ],
    [
      'MissingMetricsUnreadyScaleDown',
      { current: 4, target: 50, levels: [100, 100, 100], requests: FOUR, ready: 'FTTT' },
      [3, 10, 200],
    ],
    [
      'DuringRollingUpdateWithMaxSurge',
      { current: 2, target: 50, levels: [100, 100], requests: THREE, phase: 'RRR' },
      [2, 10, 200],
    ],
  ])('%s', (_name, of, [replicas, usage, usageMilli]) => {
    expect(cpu(of)).toMatchObject({ ok: true, replicas, usage, usageMilli });
  });

  it.each<[string, Case, string]>([
    [
      'R19 DisjointResourcesMetrics',
      { current: 1, target: 100, levels: [100], requests: [1_000], podNames: ['an-older-pod-name'] },
      'failed to get cpu utilization: no metrics returned matched known pods',
    ],
    [
      'R20 EmptyCPURequest',
      { current: 1, target: 100, levels: [200] },
      'failed to get cpu utilization: missing request for cpu in container container1 of Pod pod-0',
    ],
    [
      'EmptyMetrics',
      { current: 4, target: 100, levels: [], requests: THREE },
      'unable to get metrics for resource cpu: no metrics returned from resource metrics API',
    ],
    [
      'only unready pods have metrics',
      { current: 1, target: 100, levels: [200], requests: [1_000], ready: 'F' },
      'did not receive metrics for targeted pods (pods might be unready)',
    ],
    [
      'no pods at all',
      { current: 0, target: 100, levels: [200], requests: [] },
      'no pods returned by selector while calculating replica count',
    ],
  ])('%s is an error', (_name, of, message) => {
    const proposal = cpu(of);
    expect(proposal).toMatchObject({ ok: false, reason: 'FailedGetResourceMetric' });
    expect(proposal.ok ? '' : proposal.message).toContain(message);
  });

  it('a container that no pod has is an error of its own kind', () => {
    const of = { current: 1, target: 50, levels: [[1, 2, 3]], requests: [1_000], container: 'container3' };
    expect(cpu(of)).toEqual({
      ok: false,
      reason: 'FailedGetContainerResourceMetric',
      message: 'failed to get cpu utilization: container container3 not found in Pod pod-0',
    });
  });

  it('requests of the pod as a whole count from 1.34 on', () => {
    const pod = {
      ...podsOf({ current: 1, target: 50, levels: [], requests: [100] })[0],
      requestsMilli: { cpu: 400 },
    };
    const at = (version: readonly [number, number], pods: HpaPod[]) =>
      proposalOf(
        { source: 'Resource', name: 'cpu', target: { type: 'utilization', value: 50 } },
        {
          ...inputOf({ current: 1, target: 50, levels: [], version }),
          pods,
          podMetrics: new Map([['pod-0', { valueMilli: 200, atMs: 0, windowMs: 1 }]]),
        },
      );
    expect(at([1, 34], [pod as HpaPod])).toMatchObject({ usage: 50 });
    expect(at([1, 33], [pod as HpaPod])).toMatchObject({ usage: 100 });
    const memoryOnly = { ...pod, requestsMilli: { memory: 1 } } as HpaPod;
    expect(at([1, 34], [memoryOnly])).toMatchObject({ usage: 100 });
    const bare = { ...memoryOnly, containers: [{ name: 'container1', requestsMilli: {} }] };
    expect(at([1, 34], [bare])).toMatchObject({ ok: false });
  });

  it('percentages of memory stay exact beyond the integers of a double', () => {
    const gigabytes = 2 ** 30 * 1_000;
    const pod: HpaPod = {
      name: 'big',
      phase: 'Running',
      deleted: false,
      containers: [{ name: 'a', requestsMilli: { memory: 4_000 * gigabytes } }],
    };
    const metric: MetricSpec = {
      source: 'Resource',
      name: 'memory',
      target: { type: 'utilization', value: 80 },
    };
    const podMetrics = new Map([['big', { valueMilli: 4_000 * gigabytes - 1, atMs: 0, windowMs: 1 }]]);
    const input = inputOf({ current: 1, target: 80, levels: [] });
    expect(proposalOf(metric, { ...input, pods: [pod], podMetrics })).toMatchObject({
      usage: 99,
      replicas: 2,
    });
  });
});

describe('GetMetricReplicas and GetRawResourceReplicas', () => {
  const pods = (of: Case, source: 'Pods' | 'Resource' = 'Pods') =>
    proposalOf(
      { source, name: source === 'Pods' ? 'qps' : 'cpu', target: { type: 'averageValue', value: of.target } },
      { ...inputOf(of), podMetrics: podMetricsOf(of, true) },
    );

  it.each<[string, Case, [replicas: number, usage: number]]>([
    ['M1 ScaleUpCM', { current: 3, target: 15_000, levels: [20_000, 10_000, 30_000] }, [4, 20_000]],
    [
      'M2 ScaleUpCMUnreadyHotCpuScaleWouldScaleDown',
      {
        current: 3,
        target: 15_000,
        levels: [50_000, 15_000, 30_000],
        ready: 'FTF',
        start: [HOT, COOL, HOT],
      },
      [7, 31_666],
    ],
    ['M3 ToleranceCM', { current: 3, target: 20_000, levels: [20_000, 21_000, 21_000] }, [3, 20_666]],
    [
      'M4 PlainMetricReplicaCalcMissingMetricsNoChangeEq',
      { current: 5, target: 20_000, levels: [20_000, 19_000, 21_000] },
      [5, 20_000],
    ],
    [
      'ScaleUpCMUnreadyHotCpuNoLessScale',
      {
        current: 3,
        target: 15_000,
        levels: [50_000, 10_000, 30_000],
        ready: 'TTF',
        start: [COOL, COOL, HOT],
      },
      [6, 30_000],
    ],
    ['ScaleUpCMExternal', { current: 1, target: 4_400, levels: [8_600] }, [2, 8_600]],
    [
      'ScaleDownCM',
      { current: 5, target: 20_000, levels: Array.from({ length: 5 }, () => 12_000) },
      [3, 12_000],
    ],
    [
      'DuringRollingUpdateWithMaxSurgeCM',
      { current: 2, target: 17_000, levels: [10_000, 10_000], phase: 'RRR' },
      [2, 10_000],
    ],
  ])('%s', (_name, of, [replicas, usageMilli]) => {
    expect(pods(of)).toMatchObject({ ok: true, replicas, usage: usageMilli, usageMilli });
  });

  it('an average of CPU looks at readiness, that of a custom metric does not', () => {
    const of = { current: 2, target: 100, levels: [400, 100], ready: 'FT' };
    expect(pods(of, 'Resource')).toMatchObject({ replicas: 2, usage: 100 });
    expect(pods(of)).toMatchObject({ replicas: 5, usage: 250 });
  });

  it('has a reason of its own', () => {
    expect(pods({ current: 1, target: 1, levels: [] })).toEqual({
      ok: false,
      reason: 'FailedGetPodsMetric',
      message: 'unable to get metric qps: no metrics returned from custom metrics API',
    });
  });
});

describe('object and external metrics', () => {
  type Row = [
    name: string,
    source: 'Object' | 'External',
    current: number,
    valueMilli: number,
    target: number,
    expected: [replicas: number, usage: number],
    toleranceUp?: number,
    ready?: string,
  ];
  const of = (
    type: 'value' | 'averageValue',
    [, source, current, valueMilli, target, , up = 0.1, ready]: Row,
  ) =>
    proposalOf(
      { source, name: 'qps', target: { type, value: target } },
      {
        ...inputOf({
          current,
          target,
          levels: [],
          tolerances: { up, down: 0.1 },
          ...(ready ? { ready } : {}),
        }),
        valueMilli,
      },
    );

  it.each<Row>([
    ['M5 ScaleUpCMObject', 'Object', 3, 20_000, 15_000, [4, 20_000]],
    ['M6 ScaleDownCMObject', 'Object', 5, 12_000, 20_000, [3, 12_000]],
    ['M7 outside 1 % tolerance', 'Object', 3, 20_666, 20_000, [4, 20_666], 0.01],
    ['M8 ScaleDownCMExternal', 'External', 5, 8_600, 14_334, [3, 8_600]],
    ['M9 outside 1 % tolerance', 'External', 3, 8_900, 8_800, [4, 8_900], 0.01],
    ['ToleranceCMObject', 'Object', 3, 20_666, 20_000, [3, 20_666]],
    ['ToleranceCMExternal', 'External', 3, 8_600, 8_888, [3, 8_600]],
    ['ScaleUpCMObjectIgnoresUnreadyPods', 'Object', 3, 50_000, 10_000, [5, 50_000], 0.1, 'FTF'],
    ['ScaleUpCMExternalIgnoresUnreadyPods', 'External', 3, 8_600, 4_400, [2, 8_600], 0.1, 'FTF'],
    ['from zero', 'External', 0, 8_600, 4_400, [2, 8_600]],
  ])('value: %s', (...row) => {
    const [replicas, usageMilli] = row[5];
    expect(of('value', row)).toMatchObject({ ok: true, replicas, usageMilli });
  });

  it.each<Row>([
    ['M10 ScaleDownPerPodCMObject', 'Object', 5, 6_000, 2_000, [3, 1_200]],
    ['M11 outside 1 % tolerance', 'Object', 4, 20_208, 5_000, [5, 5_052], 0.01],
    ['M12 ScaleDownPerPodCMExternal', 'External', 5, 8_600, 2_867, [3, 1_720]],
    ['M13 outside 1 % tolerance', 'External', 3, 8_600, 2_800, [4, 2_867], 0.01],
    ['M14 no replicas and nothing measured', 'Object', 0, 0, 5_000, [0, 0]],
    ['ScaleUpCMPerPodObject', 'Object', 3, 20_000, 5_000, [4, 6_667]],
    ['ScaleUpPerPodCMExternal', 'External', 3, 8_600, 2_150, [4, 2_867]],
    ['TolerancePerPodCMObject', 'Object', 4, 20_166, 5_000, [4, 5_042]],
    ['TolerancePerPodCMExternal', 'External', 3, 8_600, 2_900, [3, 2_867]],
  ])('average: %s', (...row) => {
    const [replicas, usageMilli] = row[5];
    expect(of('averageValue', row)).toMatchObject({ ok: true, replicas, usageMilli });
  });

  it('an absurd value asks for no more than an int32 holds', () => {
    const row: Row = ['', 'External', 3, 1e15, 1, [0, 0]];
    expect(of('value', row)).toMatchObject({ replicas: 2 ** 31 - 1 });
    expect(of('averageValue', row)).toMatchObject({ replicas: 2 ** 31 - 1 });
  });

  it.each([
    ['Object', 'FailedGetObjectMetric'],
    ['External', 'FailedGetExternalMetric'],
  ] as const)('%s without a value is an error', (source, reason) => {
    for (const type of ['value', 'averageValue'] as const)
      expect(
        proposalOf(
          { source, name: 'qps', target: { type, value: 1 } },
          inputOf({ current: 1, target: 1, levels: [] }),
        ),
      ).toMatchObject({ ok: false, reason });
  });

  it('outside the tolerance and without pods there is nothing to multiply', () => {
    const input = { ...inputOf({ current: 1, target: 1, levels: [] }), pods: [], valueMilli: 9 };
    const metric: MetricSpec = { source: 'External', name: 'qps', target: { type: 'value', value: 1 } };
    expect(proposalOf(metric, input)).toMatchObject({ ok: false, reason: 'FailedGetExternalMetric' });
  });
});

describe('GroupPods', () => {
  const pod = (of: Partial<HpaPod>): HpaPod => ({
    name: 'a',
    phase: 'Running',
    deleted: false,
    containers: [],
    ...of,
  });
  const ready = (status: boolean, agoMs: number) => ({ status, changedAtMs: NOW_MS - agoMs });
  const NEVER = { valueMilli: 1, atMs: Number.NEGATIVE_INFINITY, windowMs: 0 };
  const fresh = (windowMs: number) => ({ valueMilli: 1, atMs: NOW_MS, windowMs });
  const in1m = { startedAtMs: NOW_MS - MINUTE_MS };
  const in10m = { startedAtMs: NOW_MS - 10 * MINUTE_MS };

  it.each<[string, HpaPod, typeof NEVER | null, string, 'ready' | 'unready' | 'missing' | 'ignored']>([
    ['count in a ready pod - memory', pod({}), NEVER, 'memory', 'ready'],
    ['unready a pod without ready condition - CPU', pod(in1m), NEVER, 'cpu', 'unready'],
    ['unready a pod without a start - CPU', pod({ ready: ready(true, 0) }), NEVER, 'cpu', 'unready'],
    [
      'count in a ready pod with fresh metrics during initialization period - CPU',
      pod({ ...in1m, ready: ready(true, 30_000) }),
      fresh(30_000),
      'cpu',
      'ready',
    ],
    [
      'unready a ready pod without fresh metrics during initialization period - CPU',
      pod({ ...in1m, ready: ready(true, 30_000) }),
      fresh(60_000),
      'cpu',
      'unready',
    ],
    [
      'unready an unready pod during initialization period - CPU',
      pod({ ...in10m, ready: ready(false, 9 * MINUTE_MS + 54_000) }),
      NEVER,
      'cpu',
      'unready',
    ],
    [
      'count in a ready pod without fresh metrics after initialization period - CPU',
      pod({ startedAtMs: COOL, ready: ready(true, 3 * MINUTE_MS) }),
      { valueMilli: 1, atMs: NOW_MS - 2 * MINUTE_MS, windowMs: MINUTE_MS },
      'cpu',
      'ready',
    ],
    [
      'count in an unready pod that was ready after initialization period - CPU',
      pod({ ...in10m, ready: ready(false, 9 * MINUTE_MS) }),
      NEVER,
      'cpu',
      'ready',
    ],
    [
      'unready pod that has never been ready after initialization period - CPU',
      pod({ ...in10m, ready: ready(false, 9 * MINUTE_MS + 50_000) }),
      NEVER,
      'cpu',
      'ready',
    ],
    ['a missing pod', pod(in1m), null, 'cpu', 'missing'],
    ['a pending pod, with metrics or without', pod({ phase: 'Pending' }), NEVER, 'memory', 'unready'],
    ['a failed pod', pod({ phase: 'Failed' }), NEVER, 'memory', 'ignored'],
    ['a deleted pod, even a pending one', pod({ phase: 'Pending', deleted: true }), null, 'cpu', 'ignored'],
  ])('%s', (_name, of, metric, resource, expected) => {
    const metrics = new Map(metric ? [['a', metric]] : []);
    expect(classify([of], metrics, resource, NOW_MS, parameters([1, 35]))).toEqual({
      ready: [],
      unready: [],
      missing: [],
      ignored: [],
      [expected]: ['a'],
    });
  });
});

describe('float traps of upstream', () => {
  it.each([
    [70, 63, 77],
    [50, 45, 55],
    [60, 54, 66],
    [75, 68, 82],
    [80, 72, 88],
  ])('target %i %%: nothing happens from %i to %i %%', (target, low, high) => {
    const at = (percent: number) => {
      const proposal = cpu({
        current: 20,
        target,
        levels: Array.from({ length: 20 }, () => percent * 5),
        requests: Array.from({ length: 20 }, () => 500),
      });
      return proposal.ok ? proposal.replicas : null;
    };
    expect([low, high].map(at)).toEqual([20, 20]);
    expect(at(low - 1)).toBeLessThan(20);
    expect(at(high + 1)).toBeGreaterThan(20);
  });

  it('at 7 pods and 290 % of a target of 70 it is 30, not 29', () => {
    const of = { current: 7, target: 70, levels: Array.from({ length: 7 }, () => 2_900) };
    expect(cpu({ ...of, requests: SEVEN })).toMatchObject({ usage: 290, replicas: 30 });
  });
});

it("an HPA's own tolerances count from 1.35 on", () => {
  const rules = { stabilizationMs: 0, selectPolicy: 'Max' as const, policies: [] };
  const spec = {
    min: 1,
    max: 2,
    metrics: [],
    behavior: { scaleUp: { ...rules, tolerance: 0 }, scaleDown: { ...rules, tolerance: null } },
  };
  expect(tolerancesOf(spec, parameters([1, 35]))).toEqual({ up: 0, down: 0.1 });
  expect(tolerancesOf(spec, parameters([1, 34]))).toEqual({ up: 0.1, down: 0.1 });
  expect(tolerancesOf({ ...spec, behavior: null }, parameters([1, 35]))).toEqual({ up: 0.1, down: 0.1 });
});
