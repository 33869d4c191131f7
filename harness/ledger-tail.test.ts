import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LedgerTail, type SecondSummary } from './ledger-tail.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'tail-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('tells the writes of each second, and no failed attempt as one', () => {
  const file = path.join(dir, 'load.log');
  const lines = [
    '# anchor 1700000000000',
    'A 1:1 100 10 0',
    'T 1:2 300 3 503 1503 r luminate-a',
    'A 1:2 300 110 0 200 0 2',
    'T 2:1 400 1 0 1212 - -',
    'F 2:1 400 1 0 0 1212 1',
    'U 2:2 1500 20 0 0 1220 1',
  ];
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  const told: SecondSummary[] = [];
  new LedgerTail(file, (second) => told.push(second)).finish();
  expect(told).toEqual([
    { second: 0, acked: 2, failed: 1, unknown: 0, p50Ms: 10, p99Ms: 110 },
    { second: 1, acked: 0, failed: 0, unknown: 1, p50Ms: null, p99Ms: null },
  ]);
});
