/** `proofload list`: what there is to run, read from the folders. */
import { loadCheck, loadContract, loadScenario, namesOf } from '../harness/catalogue.ts';

export interface Listing {
  scenarios: { name: string; question: string; system: string; faults: string[] }[];
  systems: { name: string; defects: Record<string, string> }[];
  faults: string[];
  checks: { name: string; title: string }[];
}

export async function listing(): Promise<Listing> {
  const scenarios = await Promise.all(namesOf('scenario').map((name) => loadScenario(name)));
  return {
    scenarios: scenarios.map(({ name, question, system, disturb }) => ({
      name,
      question,
      system,
      faults: disturb.map((fault) => fault.name),
    })),
    systems: await Promise.all(
      namesOf('system').map(async (name) => ({ name, defects: (await loadContract(name)).defects })),
    ),
    faults: namesOf('fault'),
    checks: await Promise.all(
      namesOf('check').map(async (name) => ({ name, title: (await loadCheck(name)).title })),
    ),
  };
}

/** The same for people. */
export function listingText({ scenarios, systems, faults, checks }: Listing): string {
  const rows = (items: [string, string][]) =>
    items.map(([name, text]) => `  ${name.padEnd(28)} ${text}`).join('\n');
  return [
    'scenarios (proofload run <scenario>)',
    rows(scenarios.map((scenario) => [scenario.name, scenario.question])),
    ...systems.flatMap(({ name, defects }) => [
      `defects of ${name} (--defect <name>)`,
      rows(Object.entries(defects)),
    ]),
    'faults',
    rows(faults.map((name) => [name, `chaos/${name}.yaml`])),
    'checks',
    rows(checks.map(({ name, title }) => [name, title])),
  ].join('\n');
}
