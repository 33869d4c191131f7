/** Reads a plain manifest: whole Kubernetes objects, several to a file, nothing to fill in. */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { LineCounter, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { UsageError } from '../../record/model.ts';
import type { KubeObject } from '../kubernetes/cluster.ts';

/** The largest known, a CustomResourceDefinition with all its nested schemas, has 1.3 MB. */
const LIMIT_BYTES = 8 * 1024 * 1024;

const Manifest = z.looseObject({
  apiVersion: z.string().min(1),
  kind: z.string().min(1),
  metadata: z.looseObject({
    name: z.string().min(1),
    namespace: z.string().min(1).exactOptional(),
    labels: z.record(z.string(), z.string()).exactOptional(),
    annotations: z.record(z.string(), z.string()).exactOptional(),
  }),
});

/** The objects of a file in their order, empty documents left out. Throws UsageError `file:line: what`. */
export function readManifest(file: string): KubeObject[] {
  const shown = path.relative(process.cwd(), file) || file;
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile()) throw new UsageError(`${shown}: no such file; name a manifest (*.yaml)`);
  if (stat.size > LIMIT_BYTES)
    throw new UsageError(`${shown}: larger than ${LIMIT_BYTES / 2 ** 20} MiB; split it`);
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(readFileSync(file, 'utf8'), { lineCounter, prettyErrors: false });
  const objects: KubeObject[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const [error] = document.errors;
    const line = lineCounter.linePos(error?.pos[0] ?? document.contents?.range?.[0] ?? 0).line;
    if (error !== undefined) {
      throw new UsageError(`${shown}:${line}: not valid YAML: ${error.message}; correct the file`);
    }
    const content: unknown = document.toJS({ maxAliasCount: 100 });
    if (content === null || content === undefined) continue;
    const parsed = Manifest.safeParse(content);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const where = issue?.path.join('.') || 'document';
      throw new UsageError(
        `${shown}:${line}: ${where}: ${issue?.message ?? 'not a Kubernetes object'}; every object needs apiVersion, kind and metadata.name`,
      );
    }
    objects.push(parsed.data);
  }
  if (objects.length === 0) throw new UsageError(`${shown}: no Kubernetes object in it`);
  return objects;
}
