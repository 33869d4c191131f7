/** Where a rule must stay silent, and where it must not be fooled. That each fires at all is in docs.test.ts. */
import { describe, expect, it } from 'vitest';
import { parseForLint } from '../../commands/lint-read.ts';
import { lint } from './lint.ts';
import { allRules } from './testing.ts';

const rules = await allRules();
const whys = (rule: string, yaml: string) =>
  lint(parseForLint(yaml, 'x.yaml'), { ...(rules[rule] && { [rule]: rules[rule] }) }).map(({ why }) => why);

const deployment = (container: string, pod = '', spec = '') => `
kind: Deployment
metadata: { name: web }
spec:
  ${spec}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      ${pod}
      containers:
        - { name: web, ${container} }
---
`;
const hpa = (rest: string, min = 3) => `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web }
spec:
  scaleTargetRef: { kind: Deployment, name: web }
  minReplicas: ${min}
  maxReplicas: 10
  ${rest}
`;
const cpu = (percent: number) =>
  `metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: ${percent} } } }]`;
const down = (rest: string) => hpa(`behavior: { scaleDown: { ${rest} } }`);

describe('requests', () => {
  const bare = deployment('resources: {}');
  it.each<[string, string, number]>([
    ['a container without any', bare + hpa(cpu(70)), 1],
    ['the default metric, too', bare + hpa(''), 1],
    ['autoscaling/v1', bare + hpa('targetCPUUtilizationPercentage: 60').replace('/v2', '/v1'), 1],
    ['a limit in its place', deployment('resources: { limits: { cpu: 1 } }') + hpa(cpu(70)), 0],
    [
      'a request of the pod',
      deployment('resources: {}', 'resources: { requests: { cpu: 1 } }') + hpa(cpu(70)),
      0,
    ],
    [
      'a default of the namespace',
      `${bare}${hpa(cpu(70))}\n---\nkind: LimitRange\nmetadata: { name: d }\nspec: { limits: [{ type: Container, defaultRequest: { cpu: 1 } }] }`,
      0,
    ],
    [
      'an average value, which needs none',
      bare +
        hpa(
          'metrics: [{ type: Resource, resource: { name: cpu, target: { type: AverageValue, averageValue: 1 } } }]',
        ),
      0,
    ],
    [
      'a sidecar without any',
      deployment(
        'resources: { requests: { cpu: 1 } }',
        'initContainers: [{ name: log, restartPolicy: Always }]',
      ) + hpa(cpu(70)),
      1,
    ],
    [
      'an init container, which is over',
      deployment('resources: { requests: { cpu: 1 } }', 'initContainers: [{ name: once }]') + hpa(cpu(70)),
      0,
    ],
  ])('%s', (_, yaml, count) => expect(whys('hpa-without-request', yaml)).toHaveLength(count));
});

describe('reach', () => {
  const resources = (request: number, limit: number) =>
    deployment(`resources: { requests: { cpu: ${request}m }, limits: { cpu: ${limit}m } }`);
  it('ends at the tolerance, which an HPA may have of its own', () => {
    // 110 is within 10 % of 100: nothing happens there.
    expect(whys('hpa-target-unreachable', resources(100, 110) + hpa(cpu(100)))).toHaveLength(1);
    expect(whys('hpa-target-unreachable', resources(100, 111) + hpa(cpu(100)))).toEqual([]);
    const own = hpa(`${cpu(100)}\n  behavior: { scaleUp: { tolerance: 0.05 } }`);
    expect(whys('hpa-target-unreachable', resources(100, 110) + own)).toEqual([]);
  });
  it('says nothing where nothing limits, or nothing scales', () => {
    const request = deployment('resources: { requests: { cpu: 1 } }');
    expect(whys('hpa-target-unreachable', request + hpa(cpu(100)))).toEqual([]);
    expect(whys('hpa-target-unreachable', resources(100, 100) + hpa(cpu(100), 10))).toEqual([]);
  });
});

describe('the way down', () => {
  const two =
    'policies: [{ type: Percent, value: 50, periodSeconds: 60 }, { type: Pods, value: 1, periodSeconds: 60 }]';
  it.each<[string, string, number]>([
    ['left out', two, 1],
    ['said to be the biggest', `selectPolicy: Max, ${two}`, 0],
    ['said to be the smallest', `selectPolicy: Min, ${two}`, 0],
    ['another period', two.replace('value: 1, periodSeconds: 60', 'value: 1, periodSeconds: 300'), 0],
    ['one policy', 'policies: [{ type: Pods, value: 1, periodSeconds: 60 }]', 0],
  ])('%s', (_, rest, count) => expect(whys('hpa-policy-never-binds', down(rest))).toHaveLength(count));

  it('both decide somewhere', () => {
    const mixed = two.replace('value: 50', 'value: 21').replace('value: 1', 'value: 2');
    expect(whys('hpa-policy-never-binds', down(mixed))).toHaveLength(1);
    // From 10 the share takes three away, from 4 the pods take two.
    expect(whys('hpa-policy-never-binds', down(mixed).replace('minReplicas: 3', 'minReplicas: 1'))).toEqual(
      [],
    );
  });

  it('by memory: a share of the request for the last step', () => {
    const memory = (min: number, rest = '') => hpa(`${cpu(80).replace('cpu', 'memory')}\n  ${rest}`, min);
    expect(whys('hpa-memory-never-scales-in', memory(3))[0]).toContain('from 4 to 3 replicas');
    expect(whys('hpa-memory-never-scales-in', memory(3))[0]).toContain('at most 60 % of the request on');
    expect(whys('hpa-memory-never-scales-in', memory(1))[0]).toContain('at most 40 % of the request on');
    const kept = memory(3, 'behavior: { scaleDown: { selectPolicy: Disabled } }');
    expect(whys('hpa-memory-never-scales-in', kept)).toEqual([]);
    expect(whys('hpa-memory-never-scales-in', memory(10))).toEqual([]);
  });
});

describe('hooks', () => {
  const hook = (preStop: string, pod = '') =>
    deployment(`image: 'web:1', lifecycle: { preStop: ${preStop} }`, pod);
  it.each<[string, string, number]>([
    ['prestop-exceeds-grace', hook('{ sleep: { seconds: 30 } }'), 1],
    ['prestop-exceeds-grace', hook('{ sleep: { seconds: 29 } }'), 0],
    ['prestop-exceeds-grace', hook("{ exec: { command: [/bin/sh, -c, 'nginx -s quit; sleep 1m'] } }"), 1],
    [
      'prestop-exceeds-grace',
      hook("{ exec: { command: [/bin/sh, -c, 'sleep 1m'] } }", 'terminationGracePeriodSeconds: 90'),
      0,
    ],
    ['prestop-fails', hook("{ exec: { command: ['sleep 15'] } }"), 1],
    ['prestop-fails', hook("{ exec: { command: ['/bin/sh -c', 'sleep 15'] } }"), 1],
    ['prestop-fails', hook("{ exec: { command: [sleep, '15'] } }"), 0],
    [
      'prestop-fails',
      hook("{ exec: { command: [sleep, '15'] } }").replace('web:1', 'gcr.io/distroless/base:debug'),
      0,
    ],
    ['prestop-default-grace', hook("{ exec: { command: [sh, -c, 'sleep 15'] } }"), 0],
    ['prestop-default-grace', hook("{ exec: { command: [sh, -c, 'sleep 15; drain'] } }"), 1],
    ['shutdown-exceeds-grace', deployment('env: [{ name: serverShutdownTimeout, value: 31s }]'), 1],
    ['shutdown-exceeds-grace', deployment("env: [{ name: DRAIN_TIMEOUT_MS, value: '31000' }]"), 1],
    ['shutdown-exceeds-grace', deployment("env: [{ name: SHUTDOWN_TIMEOUT, value: '31' }]"), 0],
    ['shutdown-exceeds-grace', deployment('env: [{ name: SHUTDOWN_HOOK, value: 31s }]'), 0],
    ['request-exceeds-grace', deployment('env: [{ name: REQUEST_TIMEOUT, value: 31s }]'), 1],
    ['request-exceeds-grace', deployment('env: [{ name: IDLE_TIMEOUT, value: 90s }]'), 0],
  ])('%#: %s', (rule, yaml, count) => expect(whys(rule, yaml)).toHaveLength(count));
});

describe('budgets', () => {
  const budget = (spec: string) =>
    `kind: PodDisruptionBudget\nmetadata: { name: b }\nspec: { ${spec} }\n---\n`;
  const all = 'selector: { matchLabels: { app: web } }';
  it.each<[string, string, number]>([
    ['all of three', budget(`minAvailable: 3, ${all}`), 1],
    ['none may go', budget(`maxUnavailable: 0%, ${all}`), 1],
    ['a percentage that rounds up to one', budget(`maxUnavailable: 1%, ${all}`), 0],
    ['a percentage that rounds up to all', budget(`minAvailable: 67%, ${all}`), 1],
    ['of other pods', budget('minAvailable: 3, selector: { matchLabels: { app: mail } }'), 0],
    ['of every pod', budget('minAvailable: 3, selector: {}'), 1],
    ['of no pod', budget('minAvailable: 3'), 0],
    ['of another namespace', budget(`minAvailable: 3, ${all}`).replace('b }', 'b, namespace: other }'), 0],
  ])('%s', (_, yaml, count) => {
    const here = deployment('image: x', '', 'replicas: 3').replace('web }', 'web, namespace: shop }');
    expect(whys('budget-never-allows', here + yaml)).toHaveLength(count);
  });
  it('counts at the fewest replicas of an HPA', () => {
    const found = whys(
      'budget-never-allows',
      deployment('image: x') + budget(`minAvailable: 2, ${all}`) + hpa('', 2),
    );
    expect(found[0]).toContain('at the 2 replicas that HorizontalPodAutoscaler web goes down to');
  });
});
