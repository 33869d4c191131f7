import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { plain } from '../manifests/located.ts';
import { readClusterSystem } from './system.ts';
import { SERVED } from './testing.ts';

const deployment = (name: string, env: string) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
        - { name: ${name}, image: "${name}:1", ports: [{ containerPort: 8000 }], env: [${env}] }
---
`;
const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: front, namespace: shop }
spec: { selector: { app: front }, ports: [{ port: 80, targetPort: 8000 }] }
`;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-system-'));
  mkdirSync(path.join(dir, 'manifests'));
  writeFileSync(
    path.join(dir, 'contract.mjs'),
    `export const contract = { containers: ['front', 'worker'], stores: { QUEUE_URL: { kind: 'kafka' }, TABLE_URL: { kind: 'clickhouse' } } };`,
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const read = (overlay?: string) =>
  readClusterSystem(
    {
      systemDir: dir,
      overlay,
      namespace: undefined,
      built: () => path.join(dir, 'contract.mjs'),
    },
    { kinds: SERVED, unknown: [] },
  );

it('has a store for each variable, from whichever container of the contract has it', async () => {
  const queue = '{ name: QUEUE_URL, value: "kafka://queue:9092" }';
  const table = '{ name: TABLE_URL, value: "http://table:8123" }';
  writeFileSync(
    path.join(dir, 'manifests/all.yaml'),
    deployment('front', queue) +
      deployment('worker', table) +
      deployment('other', table.replace('//table', '//elsewhere')) +
      SERVICE,
  );
  const system = await read();
  expect(system.workload.name).toBe('front');
  expect(system.contractContainers).toEqual(['front', 'worker']);
  expect(system.storeUrls).toEqual({ QUEUE_URL: 'kafka://queue:9092', TABLE_URL: 'http://table:8123' });
});

it('has no address where no container of the contract has the variable', async () => {
  writeFileSync(
    path.join(dir, 'manifests/all.yaml'),
    deployment('front', '') + deployment('other', '{ name: TABLE_URL, value: "http://t" }') + SERVICE,
  );
  expect((await read()).storeUrls).toEqual({});
});

it('lays an overlay over what the reference needs, too, where it has one of this name', async () => {
  writeFileSync(path.join(dir, 'manifests/all.yaml'), deployment('front', '') + SERVICE);
  for (const folder of ['overlays', 'reference/manifests', 'reference/overlays'])
    mkdirSync(path.join(dir, folder), { recursive: true });
  const own = 'kind: Deployment\nmetadata: { name: front }\n';
  for (const name of ['other-store', 'plain']) writeFileSync(path.join(dir, `overlays/${name}.yaml`), own);
  const table = SERVICE.replaceAll('front', 'table');
  writeFileSync(path.join(dir, 'reference/manifests/store.yaml'), table);
  const other = `$patch: replace\n${table.replaceAll('80', '81')}`;
  writeFileSync(path.join(dir, 'reference/overlays/other-store.yaml'), other);
  const portOf = async (overlay?: string) => {
    const { objects } = await read(overlay);
    const found = objects.find(({ title }) => title === 'Service table');
    return found && plain(found.node);
  };
  for (const overlay of [undefined, 'plain'])
    expect(await portOf(overlay)).toMatchObject({ spec: { ports: [{ port: 80 }] } });
  expect(await portOf('other-store')).toMatchObject({ spec: { ports: [{ port: 81 }] } });
  rmSync(path.join(dir, 'reference'), { recursive: true });
});

it('refuses a Namespace beside its own, which would go with the run', async () => {
  const file = path.join(dir, 'manifests', 'more.yaml');
  writeFileSync(file, 'apiVersion: v1\nkind: Namespace\nmetadata: { name: monitoring }\n');
  try {
    await expect(read()).rejects.toThrow(
      /more\.yaml:3.*Namespace monitoring.*another namespace than the workload's, shop/s,
    );
  } finally {
    rmSync(file);
  }
});
