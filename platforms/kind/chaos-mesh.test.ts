import { X509Certificate } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import type { Cluster, KubeObject, ObjectRef } from '../kubernetes/cluster.ts';
import { provideCertificate, unpackKinds } from './chaos-mesh.ts';

const { signal } = new AbortController();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-chart-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

class Store implements Pick<Cluster, 'get' | 'create'> {
  readonly objects: KubeObject[] = [];
  get<T extends KubeObject>({ kind, name }: ObjectRef): Promise<T | null> {
    const found = this.objects.find((object) => object.kind === kind && object.metadata.name === name);
    // The caller says what it expects; a fake has nothing better to go by.
    return Promise.resolve((found ?? null) as T | null);
  }
  create(object: KubeObject): Promise<KubeObject> {
    this.objects.push(object);
    return Promise.resolve(object);
  }
}

const Secret = z.object({ stringData: z.object({ 'tls.crt': z.string(), 'tls.key': z.string() }) });

it('makes a certificate once, with its key', async () => {
  const store = new Store();
  await provideCertificate(store, signal);
  await provideCertificate(store, signal);
  expect(store.objects.map(({ kind }) => kind)).toEqual(['Namespace', 'Secret']);
  const { stringData } = Secret.parse(store.objects[1]);
  const certificate = new X509Certificate(stringData['tls.crt']);
  expect(certificate.subject).toBe('CN=chaos-mesh-controller-manager');
  expect(stringData['tls.key']).toMatch(/^-----BEGIN PRIVATE KEY-----/);
});

function chart(files: Record<string, string>): string {
  const archive = path.join(folder, 'chart.tgz');
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, 'src', name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  execFileSync('tar', ['-czf', archive, '-C', path.join(folder, 'src'), 'chaos-mesh']);
  return archive;
}

it('takes the kinds out of a chart, and nothing else', async () => {
  const archive = chart({
    'chaos-mesh/crds/b.yaml': 'b',
    'chaos-mesh/crds/a.yaml': 'a',
    'chaos-mesh/templates/x.yaml': 'x',
  });
  const files = await unpackKinds(archive, folder, signal);
  expect(files.map((file) => path.relative(folder, file))).toEqual([
    'chaos-mesh/crds/a.yaml',
    'chaos-mesh/crds/b.yaml',
  ]);
});

it('says that a chart has no kinds', async () => {
  await expect(unpackKinds(chart({ 'chaos-mesh/values.yaml': '' }), folder, signal)).rejects.toThrow(
    /chart\.tgz could not be unpacked: .*chaos-mesh\/crds.*; remove it and start again/,
  );
});
