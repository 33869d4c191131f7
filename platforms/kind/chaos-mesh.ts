/**
 * Chaos Mesh without Helm: its kinds are plain files of the released chart, the rest is platforms/addons/chaos-mesh.yaml. The chart's
 * archive is pinned by checksum, and nothing but the kinds is taken from it.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { applyAddons, type AddonOptions } from '../addons/apply.ts';
import { cacheFolder } from '../../record/root.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import { CannotRun } from '../platform.ts';
import { ADDONS } from './layout.ts';
import { fetchPinned, type Pinned } from './pinned.ts';
import { reasonOf, run } from './run.ts';

const VERSION = '2.8.3';
const CHART: Pinned = {
  url: `https://charts.chaos-mesh.org/chaos-mesh-${VERSION}.tgz`,
  sha256: 'c96a2d6490c1fbb0693e18b04e2ab6f60ca45046c64e98ca774f72ac1eaf2a47',
  limitBytes: 8 * 1024 * 1024,
};
/** Folder of the CustomResourceDefinitions inside the archive. */
const KINDS = 'chaos-mesh/crds';
const NAMESPACE = 'chaos-mesh';
const CERTIFICATE = 'chaos-mesh-webhook-certs';
const TOOL_LIMIT_MS = 60_000;
const CERTIFICATE_DAYS = 3_650;

/** Throws CannotRun when the chart cannot be had or something does not get ready, ApiError when the API refuses an object. */
export async function installChaosMesh(cluster: Cluster, options: AddonOptions): Promise<void> {
  const { signal, onProgress } = options;
  const archive = path.join(cacheFolder(), `chaos-mesh-${VERSION}.tgz`);
  onProgress(`add-on chaos-mesh: its kinds, from ${new URL(CHART.url).host}`);
  await fetchPinned(CHART, archive, signal);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-chaos-mesh-'));
  try {
    const files = await unpackKinds(archive, folder, signal);
    await applyAddons(cluster, files, { signal, onProgress: () => undefined });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  await provideCertificate(cluster, signal);
  await applyAddons(cluster, [path.join(ADDONS, 'chaos-mesh.yaml')], options);
}

/** The files of the archive's `crds/`. Throws CannotRun when it has none. */
export async function unpackKinds(archive: string, folder: string, signal: AbortSignal): Promise<string[]> {
  const args = ['-xzf', archive, '-C', folder, '--', KINDS];
  await run('tar', args, { signal, timeoutMs: TOOL_LIMIT_MS }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new CannotRun(`${archive} could not be unpacked: ${reasonOf(error)}; remove it and start again`, {
      cause: error,
    });
  });
  const kinds = path.join(folder, ...KINDS.split('/'));
  const files = readdirSync(kinds).filter((file) => file.endsWith('.yaml'));
  if (files.length === 0)
    throw new CannotRun(`${archive} has no kinds in ${KINDS}; remove it and start again`);
  return files.sort().map((file) => path.join(kinds, file));
}

/** The controller's webhook server does not start without a certificate. No webhook is registered, so nobody has to trust it. */
export async function provideCertificate(
  cluster: Pick<Cluster, 'get' | 'create'>,
  signal: AbortSignal,
): Promise<void> {
  const ref = { apiVersion: 'v1', kind: 'Secret', name: CERTIFICATE, namespace: NAMESPACE };
  const namespace = { apiVersion: 'v1', kind: 'Namespace', name: NAMESPACE };
  // Not applied: an apply without the labels of the add-on's own Namespace would take them away.
  if ((await cluster.get(namespace)) === null) {
    await cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  }
  if ((await cluster.get(ref)) !== null) return;
  const args = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    `/CN=chaos-mesh-controller-manager`,
  ];
  // Both go to standard output: the key is on no disk of this machine.
  const pem = await run('openssl', [...args, '-days', `${CERTIFICATE_DAYS}`, '-keyout', '-', '-out', '-'], {
    signal,
    timeoutMs: TOOL_LIMIT_MS,
  });
  const key = block(pem, 'PRIVATE KEY');
  const certificate = block(pem, 'CERTIFICATE');
  if (key === undefined || certificate === undefined)
    throw new CannotRun('openssl made no certificate for Chaos Mesh');
  await cluster.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: CERTIFICATE, namespace: NAMESPACE },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': certificate, 'tls.key': key },
  });
}

function block(pem: string, what: string): string | undefined {
  return new RegExp(`-----BEGIN ${what}-----[^-]+-----END ${what}-----\n`).exec(pem)?.[0];
}
