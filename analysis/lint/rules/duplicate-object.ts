import type { Finding } from '../finding.ts';
import { finding, type ManifestSet } from '../set.ts';

export const title = 'An object that is defined twice';
export const severity = 'error';

/** kubectl apply takes them in order, so the last one wins; files in a folder are taken by name. */
export function find({ all }: ManifestSet): Finding[] {
  const seen = new Map<string, (typeof all)[number]>();
  return all.flatMap((manifest) => {
    const key = `${manifest.kind} ${manifest.namespace ?? ''} ${manifest.name}`;
    const first = seen.get(key);
    if (!first) seen.set(key, manifest);
    return first
      ? [
          finding(
            manifest,
            [],
            `${first.file}:${first.lineAt([])} defines it, too: the one that is applied last wins, field by field.`,
            'Keep one of them.',
          ),
        ]
      : [];
  });
}
