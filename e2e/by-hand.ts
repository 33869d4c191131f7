/** A system on a cluster as a user would have put it there: without Proofload, and to stay. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ROOT } from '../record/root.ts';
import { kubectl } from './bare.ts';

/**
 * Resolves when the system's Deployment, which has the system's name, is up. No run label anywhere. There is no DNS in a bare cluster, so the
 * store's address goes into the hosts file.
 */
export async function deployByHand(system: string, namespace: string, overlay?: string): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'by-hand-'));
  const from = path.join(ROOT, 'systems', system);
  try {
    const objects = ['manifests', 'reference/manifests'].flatMap((part) =>
      readdirSync(path.join(from, part))
        .flatMap((file) => parseAllDocuments(readFileSync(path.join(from, part, file), 'utf8')))
        .map(
          (document) => document.toJS() as { kind: string; metadata: { name: string; namespace?: string } },
        )
        .filter(({ kind }) => kind !== 'Namespace'),
    );
    for (const { metadata } of objects) metadata.namespace = namespace;
    const apply = async (name: string, kept: (kind: string) => boolean) => {
      const file = path.join(folder, `${name}.json`);
      const items = objects.filter(({ kind }) => kept(kind));
      writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
      await kubectl('apply', '-f', file);
    };
    const store = `${system}-store`;
    const within = ['-n', namespace];
    await kubectl('create', 'namespace', namespace);
    await apply('services', (kind) => kind === 'Service');
    const ip = await kubectl('get', 'service', store, ...within, '-o', 'jsonpath={.spec.clusterIP}');
    for (const object of objects)
      if (object.metadata.name === system && object.kind === 'Deployment')
        Object.assign((object as unknown as { spec: { template: { spec: object } } }).spec.template.spec, {
          hostAliases: [{ ip, hostnames: [store] }],
        });
    await apply('everything', () => true);
    if (overlay !== undefined) {
      const patch = path.join(from, 'overlays', `${overlay}.yaml`);
      await kubectl('patch', 'deployment', system, ...within, '--patch-file', patch);
    }
    await kubectl('rollout', 'status', `deployment/${system}`, ...within, '--timeout=100s');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
