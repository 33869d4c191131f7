import { describe, expect, it } from 'vitest';
import { readHpa } from './defaults.ts';

function hpa(spec: object): unknown {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'app' }, maxReplicas: 10, ...spec },
  };
}
function specOf(spec: object) {
  const read = readHpa(hpa(spec));
  if (typeof read === 'string') throw new Error(read);
  return read.spec;
}
const UP = {
  stabilizationMs: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodMs: 15_000 },
    { type: 'Percent', value: 100, periodMs: 15_000 },
  ],
  tolerance: null,
};
const DOWN = {
  stabilizationMs: null,
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodMs: 15_000 }],
  tolerance: null,
};

describe('what the API server fills in', () => {
  it('one pod at least, CPU at 80 %, and no behavior where there is none', () => {
    expect(readHpa(hpa({}))).toEqual({
      spec: {
        min: 1,
        max: 10,
        metrics: [{ source: 'Resource', name: 'cpu', target: { type: 'utilization', value: 80 } }],
        behavior: null,
      },
      target: { kind: 'Deployment', name: 'app' },
    });
  });

  it('both directions of any behavior', () => {
    expect(specOf({ behavior: {} }).behavior).toEqual({ scaleUp: UP, scaleDown: DOWN });
    expect(specOf({ behavior: { scaleDown: { selectPolicy: 'Min' } } }).behavior).toEqual({
      scaleUp: UP,
      scaleDown: { ...DOWN, selectPolicy: 'Min' },
    });
  });

  it('policies replace the whole list, a window of 0 is a window, a tolerance is a quantity', () => {
    const policies = [{ type: 'Pods', value: 1, periodSeconds: 60 }];
    const { behavior } = specOf({
      behavior: { scaleDown: { stabilizationWindowSeconds: 0, policies, tolerance: '50m' } },
    });
    expect(behavior?.scaleDown).toEqual({
      stabilizationMs: 0,
      selectPolicy: 'Max',
      policies: [{ type: 'Pods', value: 1, periodMs: 60_000 }],
      tolerance: 0.05,
    });
  });

  it('a minimum of 0 stays 0', () => {
    expect(specOf({ minReplicas: 0 }).min).toBe(0);
  });
});

describe('metrics', () => {
  const selector = { matchLabels: { b: '2', a: '1' } };
  it.each<[string, object, object]>([
    [
      'resource, average value',
      {
        type: 'Resource',
        resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Ki' } },
      },
      { source: 'Resource', name: 'memory', target: { type: 'averageValue', value: 1_024_000 } },
    ],
    [
      'container resource',
      {
        type: 'ContainerResource',
        containerResource: {
          name: 'cpu',
          container: 'app',
          target: { type: 'Utilization', averageUtilization: 70 },
        },
      },
      {
        source: 'ContainerResource',
        name: 'cpu',
        container: 'app',
        target: { type: 'utilization', value: 70 },
      },
    ],
    [
      'pods',
      {
        type: 'Pods',
        pods: { metric: { name: 'qps' }, target: { type: 'AverageValue', averageValue: '15' } },
      },
      { source: 'Pods', name: 'qps', target: { type: 'averageValue', value: 15_000 } },
    ],
    [
      'object, value',
      {
        type: 'Object',
        object: {
          describedObject: { kind: 'Ingress', name: 'i' },
          metric: { name: 'qps' },
          target: { type: 'Value', value: '2k' },
        },
      },
      {
        source: 'Object',
        name: 'qps',
        describedKind: 'Ingress',
        target: { type: 'value', value: 2_000_000 },
      },
    ],
    [
      'external with a selector, average value first',
      {
        type: 'External',
        external: {
          metric: { name: 'lag', selector },
          target: { type: 'AverageValue', averageValue: '30', value: '1' },
        },
      },
      {
        source: 'External',
        name: 'lag',
        selector:
          '&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{},}',
        target: { type: 'averageValue', value: 30_000 },
      },
    ],
  ])('%s', (_name, metric, expected) => {
    expect(specOf({ metrics: [metric] }).metrics).toEqual([expected]);
  });

  it('prints expressions of a selector as Go does', () => {
    const matchExpressions = [
      { key: 'tier', operator: 'In', values: ['a', 'b'] },
      { key: 'x', operator: 'Exists' },
    ];
    const external = { metric: { name: 'n', selector: { matchExpressions } }, target: { value: '1' } };
    expect(specOf({ metrics: [{ type: 'External', external }] }).metrics[0]?.selector).toBe(
      '&LabelSelector{MatchLabels:map[string]string{},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:tier,Operator:In,Values:[a b],},LabelSelectorRequirement{Key:x,Operator:Exists,Values:[],},},}',
    );
  });
});

it.each<[unknown, string]>([
  [null, 'expected object'],
  [{ spec: {} }, 'spec.scaleTargetRef'],
  [hpa({ maxReplicas: 'many' }), 'spec.maxReplicas'],
  [hpa({ metrics: [{ type: 'Resource' }] }), 'spec.metrics.0: no name or no target'],
  [
    hpa({ metrics: [{ type: 'Pods', pods: { metric: { name: 'q' }, target: { averageUtilization: 5 } } }] }),
    'spec.metrics.0: no name or no target of a type that Pods can have',
  ],
])('%j cannot be read, and why is said', (object, why) => {
  expect(readHpa(object)).toEqual(expect.stringContaining(why));
});
