/**
 * The folders are the registry: scenarios, systems, faults and checks are found by reading where they live. A name becomes a path
 * only after it has been found among the files of its folder.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { z } from 'zod';
import type { CheckModule } from '../analysis/check.ts';
import type { Rule } from '../analysis/lint/lint.ts';
import type { RuleCheck } from '../analysis/rules/lint.ts';
import type { Contract } from '../record/contract.ts';
import { Scenario, UsageError } from '../record/model.ts';
import { nearest } from '../record/nearest.ts';
import { builtFile, ROOT } from '../record/root.ts';

/** Folder of each extension and the ending of its files; a system is a folder. */
const PLACES = {
  scenario: ['scenarios', '.ts'],
  check: ['checks', '.ts'],
  fault: ['chaos', '.yaml'],
  system: ['systems', ''],
  script: ['scenarios/k6', '.ts'],
  rule: ['analysis/lint/rules', '.ts'],
  'rule of alerts': ['analysis/rules/rules', '.ts'],
} as const;
type Kind = keyof typeof PLACES;

/** Names of everything of one kind, sorted. */
export function namesOf(kind: Kind): string[] {
  const [folder, ending] = PLACES[kind];
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true })
    .filter((entry) =>
      ending === ''
        ? entry.isDirectory()
        : entry.isFile() &&
          entry.name.endsWith(ending) &&
          !entry.name.endsWith('.test.ts') &&
          !entry.name.endsWith('.e2e.ts'),
    )
    .map((entry) => (ending === '' ? entry.name : entry.name.slice(0, -ending.length)))
    .sort();
}

/** Throws UsageError naming the nearest known name. */
function known(kind: Kind, name: string, where = ''): string {
  const names = namesOf(kind);
  if (names.includes(name)) return name;
  const near = nearest(names, name);
  throw new UsageError(
    `${where}unknown ${kind} "${name}"${near === undefined ? '' : `, did you mean "${near}"?`} (${kind}s are the files of ${PLACES[kind][0]}/: ${names.join(', ')})`,
  );
}

/** Loads a scenario and checks every name and option in it. Throws UsageError with file, line and field. */
export async function loadScenario(name: string): Promise<Scenario> {
  known('scenario', name);
  const file = path.join('scenarios', `${name}.ts`);
  const loaded = (await importBuilt(file)) as { default?: unknown };
  const parsed = Scenario.safeParse(loaded.default);
  if (!parsed.success) throw schemaError(file, parsed.error);
  const scenario = parsed.data;
  if (scenario.name !== name)
    throw new UsageError(
      `${at(file, ['name'])} name: expected "${name}", as the file is called, got "${scenario.name}"`,
    );

  known('system', scenario.system, `${at(file, ['system'])} `);
  known('script', scenario.load.script, `${at(file, ['script'])} `);
  if (scenario.before) known('script', scenario.before.script, `${at(file, ['script'])} `);
  for (const { fault } of scenario.disturb)
    if (typeof fault === 'object' && 'chaos' in fault)
      known('fault', fault.chaos, `${at(file, [fault.chaos])} `);
  const names = scenario.disturb.map((disturbance) => disturbance.name);
  const twice = names.find((candidate, index) => names.indexOf(candidate) !== index);
  if (twice !== undefined)
    throw new UsageError(
      `${at(file, [twice])} disturb: two disturbances are called "${twice}"; expectations name one`,
    );
  for (const [index, expectation] of scenario.expect.entries()) {
    const { check, during, optional: _, ...options } = expectation;
    known('check', check, `${at(file, [check])} `);
    const module = await loadCheck(check);
    const result = module.options.safeParse(options);
    if (!result.success) throw schemaError(file, result.error, ['expect', index], check);
    if (during === undefined ? module.scope === 'window' : module.scope === 'run') {
      const why =
        during === undefined
          ? 'needs `during`, the name of a disturbance'
          : 'judges the whole run and takes no `during`';
      throw new UsageError(`${at(file, ['check'], check)} expect.${index}: ${check} ${why}`);
    }
    if (during !== undefined && !names.includes(during)) {
      throw new UsageError(
        `${at(file, [during])} expect.${index}.during: "${during}" is no disturbance of this scenario (${names.join(', ')})`,
      );
    }
  }
  const unasked = unaskedOf(scenario);
  if (unasked !== null) throw new UsageError(`${at(file, ['expect'])} expect: ${unasked}`);
  return scenario;
}

/** The check of the instruments that a scenario does not ask for, with what nobody would know then, or null: the others could pass on nothing. */
export function unaskedOf({ disturb, expect }: Pick<Scenario, 'disturb' | 'expect'>): string | null {
  const isAsked = (name: string) => expect.some(({ check }) => check === name);
  if (!isAsked('generator-valid'))
    return 'generator-valid is missing: without it nobody asks whether the load was what it was said to be';
  return disturb.length === 0 || isAsked('faults-proven')
    ? null
    : 'faults-proven is missing: without it nobody asks whether the faults acted';
}

export async function loadCheck(name: string): Promise<CheckModule> {
  return (await importBuilt(path.join('checks', `${known('check', name)}.ts`))) as CheckModule;
}

/** Rules of the manifest lint, by name. */
export async function loadRules(): Promise<Record<string, Rule>> {
  const load = async (name: string) =>
    [name, (await importBuilt(path.join(PLACES.rule[0], `${name}.ts`))) as Rule] as const;
  return Object.fromEntries(await Promise.all(namesOf('rule').map(load)));
}

/** Rules of the lint of Prometheus rules, by name. */
export async function loadRuleChecks(): Promise<Record<string, RuleCheck>> {
  const load = async (name: string) =>
    [name, (await importBuilt(path.join(PLACES['rule of alerts'][0], `${name}.ts`))) as RuleCheck] as const;
  return Object.fromEntries(await Promise.all(namesOf('rule of alerts').map(load)));
}

export async function loadContract(system: string): Promise<Contract> {
  const { contract } = (await importBuilt(path.join('systems', known('system', system), 'contract.ts'))) as {
    contract: Contract;
  };
  return contract;
}

function importBuilt(source: string): Promise<unknown> {
  return import(pathToFileURL(builtFile(source)).href);
}

function schemaError(file: string, error: z.ZodError, prefix: PropertyKey[] = [], near?: string): UsageError {
  const lines = error.issues.flatMap((issue) => {
    const fields =
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    return fields.map((field) => {
      const full = [...prefix, ...field];
      const what = issue.code === 'unrecognized_keys' ? 'unknown field' : issue.message;
      return `${at(file, field.length > 0 ? field : full, near)} ${full.map(String).join('.')}: ${what}`;
    });
  });
  return new UsageError(lines.join('\n'));
}

/** `file:line:` of the last name of a path in the source text: scenarios are small enough to be found by eye and by this. */
function at(file: string, field: readonly PropertyKey[], near?: string): string {
  const source = path.join(ROOT, file);
  const lines = existsSync(source) ? readFileSync(source, 'utf8').split('\n') : [];
  const word = field.filter((part) => typeof part === 'string').at(-1);
  const from =
    near === undefined
      ? 0
      : Math.max(
          0,
          lines.findIndex((line) => line.includes(near)),
        );
  const index =
    word === undefined
      ? -1
      : lines.findIndex((line, number) => number >= from && new RegExp(`\\b${escaped(word)}\\b`).test(line));
  return index < 0 ? `${file}:` : `${file}:${index + 1}:`;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
