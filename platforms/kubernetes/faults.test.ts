import { readdirSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { UsageError } from '../../record/model.ts';
import { ROOT } from '../../record/root.ts';
import { readYaml } from '../manifests/located.ts';
import { checkFault } from './faults.ts';

const dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-chaos-'));
afterAll(() => rmSync(dir, { recursive: true }));

function node(text: string) {
  const file = path.join(dir, 'x.yaml');
  writeFileSync(file, text);
  const [found] = readYaml(file);
  if (!found) throw new Error('empty');
  return found;
}
const use = { name: 'x', fault: { chaos: 'x' } };
const check = (text: string, forMs?: number) =>
  checkFault({ ...use, ...(forMs !== undefined && { forMs }) }, node(text));

const POD = `apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata: { name: x, namespace: demo }
spec:
  action: pod-kill
  mode: one
  selector: { namespaces: [demo], labelSelectors: { app: app } }
`;
const PARTITION = `apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata: { name: x }
spec:
  action: partition
  mode: all
  duration: 30s
  selector: { labelSelectors: { app: app } }
  target: { mode: all, selector: { labelSelectors: { app: store } } }
`;

test.each(readdirSync(path.join(ROOT, 'chaos')))('chaos/%s can be used as it stands', (file) => {
  const [object] = readYaml(path.join(ROOT, 'chaos', file));
  const { durationMs, notRun } = checkFault(use, object);
  expect(notRun).toBeUndefined();
  expect(durationMs === undefined).toBe(/kill/.test(file));
});

test.each([
  ['an unknown kind', POD.replace('PodChaos', 'IOChaos'), 'x.yaml:2: IOChaos: kind: unknown here'],
  ['an unknown action', POD.replace('pod-kill', 'pod-tickle'), ':5: PodChaos: spec.action'],
  [
    'an unknown field',
    POD.replace('mode: one', 'mode: one\n  gracePeriods: 3'),
    'spec.gracePeriods: unknown field',
  ],
  ['a second unknown field', `${POD}status: {}\n`, 'status: unknown field'],
  [
    'a field of another action',
    POD.replace('mode: one', 'mode: one\n  containerNames: [a]'),
    'has no meaning for pod-kill',
  ],
  ['container-kill without names', POD.replace('pod-kill', 'container-kill'), 'spec.containerNames: missing'],
  [
    'a duration on a kill',
    POD.replace('mode: one', 'mode: one\n  duration: 3s'),
    'has no meaning for pod-kill',
  ],
  ['no labels', POD.replace('{ app: app }', '{}'), 'name at least one label'],
  [
    'an expression of another operator',
    POD.replace('labelSelectors: { app: app }', 'expressionSelectors: [{ key: app, operator: Exists }]'),
    'spec.selector.expressionSelectors[0].operator',
  ],
  [
    'a mode without its value',
    POD.replace('mode: one', 'mode: fixed'),
    'mode fixed needs a whole number in quotes',
  ],
  ['a share above all', POD.replace('mode: one', "mode: fixed-percent\n  value: '101'"), 'at most 100'],
  [
    'no target',
    PARTITION.replace(/ {2}target.*\n/, ''),
    ':5: NetworkChaos: spec.target: missing; without it everything is cut',
  ],
  [
    'a bad duration',
    PARTITION.replace('30s', '30 seconds'),
    ':7: NetworkChaos: spec.duration: expected a duration',
  ],
  ['a delay without its numbers', PARTITION.replace('partition', 'delay'), 'spec.delay: missing'],
  ['a bandwidth without its numbers', PARTITION.replace('partition', 'bandwidth'), 'spec.bandwidth: missing'],
  ['a loss of nothing', PARTITION.replace('partition', "loss\n  loss: { loss: '0' }"), 'is nothing'],
  [
    'a latency Chaos Mesh would refuse',
    PARTITION.replace('partition', 'delay\n  delay: { latency: 1m30s }'),
    'one number and one unit',
  ],
])('refuses %s with its place', (_, text, message) => {
  expect(() => check(text)).toThrow(UsageError);
  expect(() => check(text)).toThrow(message);
});

test('an expression stands for labels', () => {
  const expression = 'expressionSelectors: [{ key: app, operator: In, values: [app, worker] }]';
  expect(check(POD.replace('labelSelectors: { app: app }', expression))).toEqual({});
});

test('a length is where it can be, and nowhere else', () => {
  expect(check(POD)).toEqual({});
  expect(() => check(POD, 5_000)).toThrow(/x\.yaml:1: .*pod-kill is over at once and cannot last/);
  expect(check(PARTITION)).toEqual({ durationMs: 30_000 });
  expect(() => check(PARTITION.replace('  duration: 30s\n', ''))).toThrow('nobody says how long');
  expect(check(PARTITION.replace('  duration: 30s\n', ''), 5_000)).toEqual({});
  expect(() => checkFault({ name: 'd', fault: 'drain', forMs: 3 }, undefined)).toThrow('remove forMs');
  expect(() => checkFault({ name: 's', fault: { scaleTo: 1 } }, undefined)).toThrow('give forMs');
  expect(checkFault({ name: 's', fault: { scaleTo: 1 }, forMs: 3 }, undefined)).toEqual({});
  expect(() => checkFault(use, undefined)).toThrow('chaos/x.yaml: no such fault');
});

test('what needs netem is not run where it is known to be absent, and only there', () => {
  const delay = node(PARTITION.replace('partition', 'delay\n  delay: { latency: 100ms }'));
  expect(checkFault(use, delay, { netem: 'absent' }).notRun).toContain('sch_netem');
  expect(checkFault(use, delay, { netem: 'present' }).notRun).toBeUndefined();
  expect(checkFault(use, delay).notRun).toBeUndefined();
  expect(checkFault(use, node(PARTITION), { netem: 'absent' }).notRun).toBeUndefined();
});
