/** Rules in virtual time, by the real promtool: sound ones hold, each kind of defect that such a test can see is seen. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { rulesVirtualCommand } from '../commands/rules-virtual.ts';
import { findEngine } from '../harness/engines.ts';
import { EXIT, UsageError } from '../record/model.ts';
import { ROOT } from '../record/root.ts';

let missing = '';
const dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-rules-virtual-'));

beforeAll(async () => {
  const onProgress = (line: string) => void process.stderr.write(`${line}\n`);
  try {
    await findEngine('promtool', { signal: new AbortController().signal, onProgress });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    missing = error.message;
  }
});
beforeEach(({ skip }) => skip(missing !== '', missing));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Exit code and `Alert verdict` for each. */
async function tested(...files: string[]): Promise<{ code: number; lines: string[] }> {
  let said = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  try {
    const code = await rulesVirtualCommand(files, {});
    return {
      code,
      lines: [...said.matchAll(/^\S+:\d+ {2}(\S+) {2}(\S+)$/gm)].map(([, a, b]) => `${b} ${a}`),
    };
  } finally {
    write.mockRestore();
  }
}

async function verdict(rule: object): Promise<string> {
  const file = path.join(dir, 'rules.json');
  const rules = [{ alert: 'A', ...rule }];
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'g', interval: '15s', rules }] }, null, 2));
  return (await tested(file)).lines.join();
}

it('finds the two alerts of Kalcifer that cannot fire', async () => {
  const { code, lines } = await tested(path.join(ROOT, 'systems/kalcifer/rules.yaml'));
  expect(code).toBe(EXIT.fail);
  expect(lines).toEqual([
    'HighJourneyFailureRate holds',
    'HighChannelBounceRate fails',
    'HighMemoryUsage holds',
    'SlowNodeExecution fails',
    'CrashRecoverySpike holds',
  ]);
});

it.each([
  { expr: 'queue > 100', for: '2m', keep_firing_for: '90s' },
  { expr: 'up{job="a"} == 0', for: '1m' },
  { expr: 'absent(up{job="a"})', for: '1m' },
  {
    expr: 'sum by (ns) (rate(x_total{code=~"5.."}[5m])) / sum by (ns) (rate(x_total[5m])) > 0.05',
    for: '5m',
  },
  { expr: 'histogram_quantile(0.95, sum by (le) (rate(s_bucket[5m]))) > 0.5', for: '10m' },
  { expr: '(total - free) / total * 100 > 90', for: '30m' },
  { expr: 'increase(x_total[10m]) > 0' },
  { expr: 'delta(level[10m]) < -5' },
  { expr: 'avg_over_time(load[5m]) >= 8', for: '90s' },
])('holds: %o', async (rule) => {
  expect(await verdict(rule)).toBe('A holds');
});

it.each([
  ['fails', { expr: 'histogram_quantile(0.9, sum by (job) (rate(s_bucket[5m]))) > 0.5' }],
  ['fails', { expr: 'sum by (a) (rate(x_total[5m])) / sum by (a, b) (rate(y_total[5m])) > 0.1' }],
  // Two samples in the window: without one of them there is no rate.
  ['fails', { expr: 'rate(x[30s]) > 1', for: '1m' }],
  // Each series divided by itself.
  ['not-tested', { expr: 'rate(x_total{code="500"}[5m]) / rate(x_total[5m]) > 0.05' }],
  ['not-tested', { expr: 'x_total > 10' }],
  ['not-tested', { expr: 'changes(x[15m]) > 2' }],
])('%s: %o', async (expected, rule) => {
  expect(await verdict(rule)).toBe(`A ${expected}`);
});

it('passes nothing on silence: no alert is no pass', async () => {
  const file = path.join(dir, 'records.json');
  writeFileSync(
    file,
    JSON.stringify({ groups: [{ name: 'g', rules: [{ record: 'a:b', expr: 'sum(b)' }] }] }),
  );
  expect((await tested(file)).code).toBe(EXIT.inconclusive);
});
