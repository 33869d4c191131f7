/** What a scenario expects of alerts, beside what there is to watch them: told before anything is started. */
import type { CheckModule } from '../../analysis/check.ts';
import type { RuleFile } from '../../analysis/rules/rule-file.ts';
import { type Scenario, UsageError } from '../../record/model.ts';
import { nearest } from '../../record/nearest.ts';

/**
 * `rules`: those of the system; null: it has none. Throws UsageError for an expectation that takes a Prometheus where the scenario has none, and
 * for one that names an alert (`alert`, `except`) that the rules do not have.
 */
export async function checkAsked(
  { name, prometheus, expect }: Pick<Scenario, 'name' | 'prometheus' | 'expect'>,
  rules: RuleFile | null,
  loadCheck: (name: string) => Promise<Pick<CheckModule, 'needsPrometheus'>>,
): Promise<void> {
  const known = (rules?.groups ?? []).flatMap((group) =>
    group.rules.flatMap((rule) => (rule.kind === 'alert' ? [rule.name] : [])),
  );
  for (const [index, { check, alert, except }] of expect.entries()) {
    if ((await loadCheck(check)).needsPrometheus !== true) continue;
    const where = `scenarios/${name}.ts: expect.${index}: ${check}`;
    if (prometheus === undefined)
      throw new UsageError(
        `${where} judges what a Prometheus saw, and the scenario has none; give it one in \`prometheus\``,
      );
    const asked = [alert, except].flat().filter((one) => typeof one === 'string');
    const stranger = asked.find((one) => !known.includes(one));
    if (stranger === undefined) continue;
    const near = nearest(known, stranger);
    throw new UsageError(
      `${where} names "${stranger}", which is no alert of ${rules?.file ?? 'the system: it has no rules.yaml'}` +
        `${near === undefined ? '' : `, did you mean "${near}"?`} (${known.join(', ') || 'there is none'})`,
    );
  }
}
