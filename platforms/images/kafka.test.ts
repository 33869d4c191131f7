/** The program of the image that comes before the broker, with a `java` that only writes down what it is asked. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { kafkaRecipe } from './kafka.ts';

const JAVA = `#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
  *StorageTool*) [ -z "$FORMAT_FAILS" ] || exit 1
    for settings do :; done
    mkdir "$(sed -n 's/^log.dirs=//p' "$settings")" ;;
esac
`;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-kafka-'));
  mkdirSync(path.join(folder, 'bin'));
  const { files } = kafkaRecipe({ jars: folder, java: folder });
  const program = files.find((file) => 'at' in file && file.at === '/bin/start-kafka');
  writeFileSync(path.join(folder, 'start'), program?.kind === 'text' ? program.text : '', { mode: 0o755 });
  writeFileSync(path.join(folder, 'bin', 'java'), JAVA, { mode: 0o755 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function start(env: Record<string, string>) {
  const calls = path.join(folder, 'calls');
  rmSync(calls, { force: true });
  const { status, stderr } = spawnSync(path.join(folder, 'start'), {
    encoding: 'utf8',
    env: {
      PATH: `${folder}/bin:/usr/bin:/bin`,
      KAFKA_DATA: path.join(folder, 'data'),
      CALLS: calls,
      FORMAT_FAILS: '',
      ...env,
    },
  });
  const properties = path.join(folder, 'data.properties');
  return {
    status,
    stderr,
    calls: existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [],
    settings: existsSync(properties)
      ? Object.fromEntries(
          readFileSync(properties, 'utf8')
            .trim()
            .split('\n')
            .map((line) => line.split(/=(.*)/s).slice(0, 2)),
        )
      : {},
  };
}

it('formats once, then becomes the broker', () => {
  const first = start({ ADVERTISED: '10.0.0.1:9092' });
  expect(first).toMatchObject({
    status: 0,
    settings: {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'advertised.listeners': 'PLAINTEXT://10.0.0.1:9092',
      'controller.quorum.voters': '1@127.0.0.1:9093',
      'log.dirs': path.join(folder, 'data'),
      'broker.session.timeout.ms': '3000',
      'min.insync.replicas': '1',
    },
  });
  expect(first.calls).toEqual([
    expect.stringContaining('kafka.tools.StorageTool format'),
    expect.stringMatching(/kafka\.Kafka .*data\.properties$/),
  ]);
  expect(start({ ADVERTISED: '10.0.0.1:9092' }).calls).toEqual([expect.stringContaining('kafka.Kafka')]);
});

it('begins anew when the first start was cut short', () => {
  const failed = start({ ADVERTISED: 'kafka:9092', FORMAT_FAILS: '1' });
  expect(failed).toMatchObject({ status: 1, calls: [expect.stringContaining('StorageTool')] });
  mkdirSync(path.join(folder, 'data.new'));
  expect(start({ ADVERTISED: 'kafka:9092' })).toMatchObject({ status: 0, calls: { length: 2 } });
});

it('is one of several, and a controller only where the quorum names it', () => {
  const shared = { ADVERTISED: 'kafka:9092', QUORUM: '1@10.0.0.1:9093', REPLICATION: '2', MIN_ISR: '2' };
  expect(start({ ...shared, NODE_ID: '1' }).settings).toMatchObject({
    'process.roles': 'broker,controller',
    'default.replication.factor': '2',
    'offsets.topic.replication.factor': '2',
    'min.insync.replicas': '2',
  });
  expect(start({ ...shared, NODE_ID: '2' }).settings).toMatchObject({
    'process.roles': 'broker',
    listeners: 'PLAINTEXT://:9092',
    'controller.quorum.voters': '1@10.0.0.1:9093',
  });
});

it.each(['', 'kafka', ':9092', 'kafka:', 'a:b:9092', '$(KAFKA_SERVICE_HOST):9092', 'a,b:9092'])(
  'starts nothing when it is to advertise "%s"',
  (advertised) => {
    const refused = start({ ADVERTISED: advertised });
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain('ADVERTISED');
    expect(refused.calls).toEqual([]);
  },
);
