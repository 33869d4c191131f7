import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fc, test as property } from '@fast-check/vitest';
import { afterAll, describe, expect, test } from 'vitest';
import { ROOT } from '../../record/root.ts';
import { chooseTargets, countOf } from '../manifests/targets.ts';
import { readChaos } from './chaos.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PARTITION = `apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata:
  name: cut
spec:
  action: partition
  mode: all
  duration: 30s
  selector:
    labelSelectors: { app: tiny }
  target:
    mode: all
    selector:
      labelSelectors: { app: store }
`;
const read = (text: string) => {
  writeFileSync(path.join(folder, 'cut.yaml'), text);
  return readChaos(folder, 'cut');
};

test.each(['pod-kill', 'store-partition', 'store-delay'])('chaos/%s.yaml is played whole', (name) => {
  expect(readChaos(path.join(ROOT, 'chaos'), name)).toMatchObject({
    unplayed: [],
    labels: { app: 'luminate' },
  });
});

test('a partition is read with Chaos Mesh defaults', () => {
  expect(read(PARTITION)).toMatchObject({
    kind: 'partition',
    mode: 'all',
    direction: 'to',
    effect: { kind: 'cut' },
  });
});

test('known fields without a meaning here are unplayed, with their line', () => {
  const { unplayed } = read(PARTITION.replace('  action:', '  device: eth1\n  action:'));
  expect(unplayed).toMatchObject([{ line: 6, object: 'NetworkChaos cut', field: 'spec.device' }]);
});

test.each([
  [
    'a value that its mode does not take',
    '  mode: all\n  dur',
    "  mode: all\n  value: '2'\n  dur",
    'spec.value',
    8,
  ],
  ['a share of one store', '    mode: all\n    sel', '    mode: one\n    sel', 'spec.target.mode', 12],
  [
    'a number of one store',
    '    mode: all\n    sel',
    "    mode: all\n    value: '1'\n    sel",
    'spec.target.value',
    13,
  ],
])('what changes nothing here is unplayed: %s', (_what, from, to, field, line) => {
  expect(PARTITION).toContain(from);
  expect(read(PARTITION.replace(from, to)).unplayed).toMatchObject([{ field, line }]);
});

test('the length of a pod-kill is unplayed', () => {
  const kill = `apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata: { name: kill }
spec: { action: pod-kill, mode: one, duration: 30s, selector: { labelSelectors: { app: tiny } } }
`;
  expect(read(kill)).toMatchObject({ durationMs: undefined, unplayed: [{ field: 'spec.duration' }] });
});

describe('refused with file, line and field', () => {
  test.each([
    [
      'an unknown field',
      '  mode: all\n  dur',
      '  moed: all\n  mode: all\n  dur',
      /cut\.yaml:7: NetworkChaos cut: spec\.moed: unknown field/,
    ],
    ['a wrong duration', '30s', 'soon', /cut\.yaml:8: .*spec\.duration: expected a duration/],
    [
      'another action',
      'partition',
      'corrupt',
      /cut\.yaml:6: .*spec\.action: the local platform plays partition and delay only/,
    ],
    ['a delay without its numbers', 'partition', 'delay', /spec\.delay: missing/],
    ['a share without a value', 'mode: all', 'mode: fixed-percent', /spec\.value: mode fixed-percent needs/],
    ['another kind', 'NetworkChaos', 'StressChaos', /cut\.yaml:2: .*kind: /],
    ['no target', /  target:[^]*/, '', /spec\.target: without a target/],
    ['a second object', /$/, '---\nkind: PodChaos\n', /cut\.yaml:16: .*second object/],
    ['broken YAML', 'spec:', 'spec: {', /cut\.yaml:\d+: not valid YAML/],
  ])('%s', (_what, from, to, message) => {
    expect(() => read(PARTITION.replace(from, to))).toThrow(message);
  });

  test('a fault that is not there', () => {
    expect(() => readChaos(folder, '../cut')).toThrow(/no such fault; there is: cut/);
  });
});

test('durations are those of the project, and a jitter may be none', () => {
  expect(read(PARTITION).durationMs).toBe(30_000);
  expect(read(PARTITION.replace('  duration: 30s\n', '')).durationMs).toBeUndefined();
  const delay = PARTITION.replace(
    'action: partition',
    'action: delay\n  delay: { latency: 1m30s, jitter: 0ms }',
  );
  expect(read(delay).effect).toEqual({ kind: 'delay', latencyMs: 90_000, jitterMs: 0 });
  expect(() => read(delay.replace('1m30s', '0ms'))).toThrow(/spec\.delay\.latency: expected a duration/);
});

property.prop(
  [
    fc.nat(20),
    fc.constantFrom(
      'one' as const,
      'all' as const,
      'fixed' as const,
      'fixed-percent' as const,
      'random-max-percent' as const,
    ),
    fc.integer({ min: 1, max: 100 }),
    fc.infiniteStream(fc.double({ min: 0, max: 0.999_999, noNaN: true })),
  ],
  { seed: 11 },
)('targets are distinct pods, as many as the mode says', (count, mode, value, numbers) => {
  const random = () => numbers.next().value ?? 0;
  const pods = Array.from({ length: count }, (_, i) => i);
  const chosen = chooseTargets({ mode, value: String(value) }, pods, random);
  expect(new Set(chosen).size).toBe(chosen.length);
  expect(chosen.every((pod) => pods.includes(pod))).toBe(true);
  if (mode !== 'random-max-percent')
    expect(chosen).toHaveLength(countOf({ mode, value: String(value) }, count, random));
  if (mode === 'fixed-percent') expect(chosen).toHaveLength(Math.ceil((count * value) / 100));
});
