/** Rules of the lint from their folder, and findings in a short form, for tests. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { lintRules, type RuleCheck, type RuleFinding } from './lint.ts';
import { parseRuleFile } from './rule-file-read.ts';

const folder = path.join(import.meta.dirname, 'rules');
const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
export const checks = Object.fromEntries(
  await Promise.all(
    files.map(async (file) => {
      const name = path.basename(file, '.ts');
      return [name, (await import(`./rules/${name}.ts`)) as RuleCheck] as const;
    }),
  ),
);

/** Findings of one text. */
export function findingsOf(text: string, scrapeIntervalMs: number | null = null): RuleFinding[] {
  return lintRules([parseRuleFile(text, 'x.yaml')], checks, scrapeIntervalMs);
}

/** A file with one group of alerts, or of whatever the fields make of them. */
export function fileOf(...rules: object[]): string {
  const whole = rules.map((rule, i) => ('record' in rule ? rule : { alert: `A${i}`, ...rule }));
  return stringify({ groups: [{ name: 'g', rules: whole }] });
}

/** Names of the rules that find something in an alert's expression. */
export function foundIn(expr: string, rest: object = {}): string[] {
  return findingsOf(fileOf({ expr, ...rest })).map(({ rule }) => rule);
}
