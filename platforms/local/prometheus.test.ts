/** A program that answers as a Prometheus does in place of one: how it is started, told of targets, and taken away. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CannotRun, type PrometheusRequest } from '../platform.ts';
import { type Fixture, makeFixture, memoryJournal } from './fixture.ts';
import { launchPrometheus, type LocalPrometheus, podTargets } from './prometheus.ts';
import { readSystem } from './system.ts';

const runId = `prometheus-test-${process.pid}`;
const folder = path.join(os.tmpdir(), `proofload-${runId}-prometheus`);
const PROGRAM = `#!/bin/sh
for arg; do case "$arg" in --web.listen-address=*) LISTEN="\${arg#*=}";; esac; done
printf '%s\\n' "$@" > "$PWD/args"
exec ${process.execPath} -e '
const [host, port] = process.argv[1].split(":");
require("http").createServer((request, response) => response.end(request.url === "/-/ready" ? "ready" :
  JSON.stringify({ status: "success", data: { version: "3.14.1" } }))).listen(Number(port), host);' "$LISTEN"
`;

let fixture: Fixture;
let launched: LocalPrometheus | undefined;
const journal = memoryJournal();

beforeAll(async () => {
  fixture = await makeFixture();
});
afterEach(() => launched?.stop());
afterAll(() => fixture.remove());

function program(text: string): string {
  const file = path.join(fixture.dir, 'prometheus');
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

async function launch(text: string, request: Partial<PrometheusRequest> = {}): Promise<LocalPrometheus> {
  const binary = program(text);
  launched = await launchPrometheus({
    request: {
      config: 'global: {scrape_interval: 1s}\nrule_files: [rules/*.yaml]\n',
      rules: { 'rules.yaml': 'groups: []' },
      scrapeIntervalMs: 1_000,
      flags: ['--query.lookback-delta=20s'],
      binary: () => Promise.resolve(binary),
      receiverUrl: 'http://127.0.0.1:9093',
      ...request,
    },
    targets: [],
    runId,
    evidenceDir: fixture.evidenceDir,
    undo: journal,
    signal: new AbortController().signal,
  });
  return launched;
}

const saved = (file: string) => readFileSync(path.join(folder, file), 'utf8');

it('starts with its own configuration, on loopback, and leaves nothing behind', async () => {
  const prometheus = await launch(PROGRAM);
  expect(prometheus).toMatchObject({ version: '3.14.1', notifies: true });
  expect(prometheus.ended()).toBeNull();
  expect(parse(saved('prometheus.yml'))).toEqual({
    global: { scrape_interval: '1s' },
    rule_files: ['rules/*.yaml'],
    alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:9093'] }] }] },
    scrape_configs: [{ job_name: 'pods', file_sd_configs: [{ files: ['targets.json'] }] }],
  });
  expect(saved('rules/rules.yaml')).toBe('groups: []');
  expect(saved('args').split('\n')).toEqual(
    expect.arrayContaining([
      `--web.listen-address=${new URL(prometheus.url).host}`,
      '--query.lookback-delta=20s',
    ]),
  );
  expect(new URL(prometheus.url).hostname).toBe('127.0.0.1');
  prometheus.setTargets([{ address: '127.0.0.1:1234', path: '/m', labels: { pod: 'a' } }]);
  expect(JSON.parse(saved('targets.json'))).toEqual([
    { targets: ['127.0.0.1:1234'], labels: { pod: 'a', __metrics_path__: '/m' } },
  ]);
  expect([...journal.open.values()].map(({ kind }) => kind)).toEqual(['directory', 'process']);
  await prometheus.stop();
  await prometheus.stop();
  expect(existsSync(folder)).toBe(false);
  expect(journal.open.size).toBe(0);
  expect(prometheus.ended()).toBeNull();
});

it('says with its own words why it does not come up', async () => {
  const failed = launch('#!/bin/sh\necho "parse rules from file: no" >&2; exit 1\n');
  await expect(failed).rejects.toThrow(CannotRun);
  await expect(failed).rejects.toThrow(
    /^Prometheus ended at its start; its log ends:\n[^]*parse rules from file: no$/,
  );
  expect(existsSync(folder)).toBe(false);
  expect(journal.open.size).toBe(0);
});

it('says that it ended, once it did', async () => {
  const prometheus = await launch(PROGRAM);
  process.kill(prometheus.pid, 'SIGKILL');
  await expect.poll(() => prometheus.ended()).toMatch(/^Prometheus ended by itself/);
});

it('is not started from a configuration that is none', async () => {
  await expect(launch(PROGRAM, { config: 'no' })).rejects.toThrow(/its configuration is no map/);
  expect(journal.open.size).toBe(0);
});

describe('podTargets', () => {
  const pods = [
    { name: 'tiny-a', port: 20_001, deleted: false },
    { name: 'tiny-b', port: 0, deleted: false },
    { name: 'tiny-c', port: 20_003, deleted: true },
  ];
  const targets = async (annotations: Record<string, string>) => {
    const template = { metadata: { annotations } };
    const overlay = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'tiny' },
      spec: { template },
    };
    fixture.write('overlays/scraped.yaml', JSON.stringify(overlay));
    return podTargets(await readSystem(fixture.systemDir, 'scraped', fixture.built), pods);
  };
  const asked = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' };

  it('has the pods that run and ask for it, with the labels that a cluster gives them', async () => {
    expect(await targets({ ...asked, 'prometheus.io/path': '/m' })).toEqual([
      {
        address: '127.0.0.1:20001',
        path: '/m',
        labels: { namespace: 'default', pod: 'tiny-a', app: 'tiny' },
      },
    ]);
    expect(await targets(asked)).toMatchObject([{ path: '/metrics' }]);
  });

  it('has none that do not ask', async () => {
    expect(await targets({ 'prometheus.io/scrape': 'false' })).toEqual([]);
    expect(await targets({ other: 'x' })).toEqual([]);
  });

  it('finds nobody at a port that the program does not have', async () => {
    expect(await targets({ ...asked, 'prometheus.io/port': '9999' })).toMatchObject([
      { address: '127.0.0.1:1' },
    ]);
  });
});

it('says so of one that is ready and then does not answer', async () => {
  const mute = PROGRAM.replace(
    'createServer((request, response) => ',
    'createServer((request, response) => request.url !== "/-/ready" ? request.destroy() : ',
  );
  const found = launch(mute);
  await expect(found).rejects.toThrow(CannotRun);
  expect(existsSync(folder)).toBe(false);
});
