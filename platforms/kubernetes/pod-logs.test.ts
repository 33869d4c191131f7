import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RunWriter } from '../../record/writer.ts';
import { followPodLogs } from './pod-logs.ts';
import { memoryCluster } from './testing.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'pod-logs-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('writes no secret down, not even for a moment: a harness that is killed closes nothing', async () => {
  const writer = new RunWriter(dir, () => 0);
  let say: (line: string) => void = () => undefined;
  const cluster = memoryCluster();
  cluster.followLog = (_, onLine, signal) => {
    say = onLine;
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  };
  const evidenceDir = path.join(dir, 'evidence');
  const where = { cluster, namespace: 'shop', container: 'app', evidenceDir };
  const { emit, redactLine } = writer;
  const logs = followPodLogs({ ...where, emit, nowMs: () => 0, redact: redactLine });
  logs.started('web-0');
  // Known only after the pod was followed, as a client's token is.
  writer.redact(['geheim-geheim']);
  await Promise.resolve();
  say('started with geheim-geheim');
  say('serving');
  expect(readFileSync(path.join(evidenceDir, 'web-0.log'), 'utf8')).toBe(
    'started with [redacted]\nserving\n',
  );
  await logs.stop();
});
