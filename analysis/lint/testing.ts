/** Rules from their folder, and findings in a short form, for tests. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { LintFinding, Rule } from './lint.ts';

export async function allRules(): Promise<Record<string, Rule>> {
  const files = readdirSync(path.join(import.meta.dirname, 'rules')).filter((file) => file.endsWith('.ts'));
  const load = async (name: string) => [name, (await import(`./rules/${name}.ts`)) as Rule] as const;
  return Object.fromEntries(await Promise.all(files.map((file) => load(path.basename(file, '.ts')))));
}

/** `rule @ Kind name`, as often as it was found. */
export function short(findings: readonly LintFinding[]): string[] {
  return findings.map(({ rule, object }) => `${rule} @ ${object}`).sort();
}
