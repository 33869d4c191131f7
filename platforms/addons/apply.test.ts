import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  ApiError,
  type KindRef,
  type KubeObject,
  type Watched,
  type WatchHandlers,
} from '../kubernetes/cluster.ts';
import { type AddonCluster, applyAddons, untilReady } from './apply.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-addons-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const quiet = () => ({ signal: new AbortController().signal, onProgress: () => undefined });

function file(name: string, text: string): string {
  const written = path.join(folder, name);
  writeFileSync(written, text);
  return written;
}

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec: { replicas: 2, selector: { matchLabels: { app: web } } }
`;
const SERVICE = `apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: { name: v1beta1.metrics.k8s.io }
spec: { group: metrics.k8s.io, version: v1beta1 }
`;
const AVAILABLE = { conditions: [{ type: 'Available', status: 'True' }] };
const UP = { observedGeneration: 1, updatedReplicas: 2, availableReplicas: 2, ...AVAILABLE };

/** Remembers what was applied; a watch tells `told` of its object, one after the other. */
class FakeCluster implements AddonCluster {
  readonly applied: string[] = [];
  readonly lists: Record<string, (KubeObject[] | ApiError)[]> = {};
  openWatches = 0;
  readonly told: Record<string, unknown[]>;
  constructor(told: Record<string, unknown[]> = {}) {
    this.told = told;
  }
  apply(object: KubeObject): Promise<KubeObject> {
    this.applied.push(`${object.kind} ${object.metadata.name}`);
    return Promise.resolve({ ...object, metadata: { ...object.metadata, generation: 1 } });
  }
  list<T extends KubeObject>({ kind }: KindRef): Promise<T[]> {
    const answers = this.lists[kind] ?? [];
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof ApiError) return Promise.reject(answer);
    // The caller says what it expects; a fake has nothing better to go by.
    return Promise.resolve((answer ?? []) as T[]);
  }
  watch<T extends KubeObject>(
    { apiVersion, kind }: KindRef,
    { fieldSelector = '' }: { fieldSelector?: string },
    handlers: WatchHandlers<T>,
  ): Watched<T> {
    this.openWatches += 1;
    const metadata = { name: fieldSelector.replace('metadata.name=', ''), generation: 1 };
    void (async () => {
      for (const status of this.told[kind] ?? []) {
        await Promise.resolve();
        handlers.changed(
          'MODIFIED',
          { apiVersion, kind, metadata, spec: { replicas: 2 }, status } as unknown as T,
          false,
        );
      }
    })();
    return {
      objects: () => [],
      synced: Promise.resolve(),
      stop: () => {
        this.openWatches -= 1;
      },
    };
  }
}

it('applies in order and resolves when a Deployment is available', async () => {
  const cluster = new FakeCluster({ Deployment: [{}, { ...UP, availableReplicas: 1 }, UP] });
  const text = `apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n---\n${DEPLOYMENT}`;
  await applyAddons(cluster, [file('web.yaml', text)], quiet());
  expect(cluster.applied).toEqual(['Namespace shop', 'Deployment web']);
  expect(cluster.openWatches).toBe(0);
});

it('does not begin the next file before this one is ready', async () => {
  const cluster = new FakeCluster();
  const stop = new AbortController();
  const files = [file('web.yaml', DEPLOYMENT), file('later.yaml', SERVICE)];
  const applying = applyAddons(cluster, files, { signal: stop.signal, onProgress: () => undefined });
  await expect.poll(() => cluster.openWatches).toBe(1);
  stop.abort();
  await expect(applying).rejects.toThrow(/abort/);
  expect(cluster.applied).toEqual(['Deployment web']);
  expect(cluster.openWatches).toBe(0);
});

it('says after its time which pod waits for what', async () => {
  const cluster = new FakeCluster({ Deployment: [{ ...UP, availableReplicas: 0 }] });
  const waiting = { reason: 'ImagePullBackOff', message: 'no such image' };
  const status = { containerStatuses: [{ name: 'web', state: { waiting } }] };
  cluster.lists['Pod'] = [[{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1' }, status }]];
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', generation: 1 },
    spec: { replicas: 2, selector: { matchLabels: { app: 'web' } } },
  };
  await expect(untilReady(cluster, object, new AbortController().signal, 50)).rejects.toThrow(
    /Deployment shop\/web is not ready after 0.05 s: 0 of 2 pods available; pod web-1: container web: ImagePullBackOff: no such image/,
  );
  expect(cluster.openWatches).toBe(0);
});

it('waits for the first numbers of metrics.k8s.io, also while it is refused', async () => {
  const cluster = new FakeCluster({ APIService: [AVAILABLE] });
  const node = { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'NodeMetrics', metadata: { name: 'a' } };
  cluster.lists['NodeMetrics'] = [new ApiError('list nodes: 503', 503, 'ServiceUnavailable'), [node]];
  await applyAddons(cluster, [file('metrics.yaml', SERVICE)], quiet());
  expect(cluster.lists['NodeMetrics']).toHaveLength(1);
});

it('reads every file before anything is changed', async () => {
  const cluster = new FakeCluster({ Deployment: [UP] });
  const files = [file('web.yaml', DEPLOYMENT), file('bad.yaml', 'kind: Service\nmetadata: { name: x }\n')];
  await expect(applyAddons(cluster, files, quiet())).rejects.toThrow(
    /bad\.yaml:1: apiVersion: .* every object needs/,
  );
  await expect(applyAddons(cluster, [file('torn.yaml', 'a: [1\nb: 2')], quiet())).rejects.toThrow(
    /torn\.yaml:\d+: not valid YAML/,
  );
  await expect(applyAddons(cluster, [path.join(folder, 'none.yaml')], quiet())).rejects.toThrow(
    /no such file/,
  );
  expect(cluster.applied).toEqual([]);
});
