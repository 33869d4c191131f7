import { expect, it } from 'vitest';
import { parseRuleFile } from '../../analysis/rules/rule-file-read.ts';
import type { Expectation } from '../../record/model.ts';
import { checkAsked } from './asked.ts';

const RULES = parseRuleFile(
  'groups: [{ name: g, rules: [{ alert: Errors, expr: x > 1 }, { record: a:b, expr: x }] }]',
  'systems/x/rules.yaml',
);
const prometheus = { scrapeIntervalMs: 15_000, evaluationIntervalMs: 15_000 };
const loadCheck = (name: string) =>
  Promise.resolve(name === 'others' ? {} : { needsPrometheus: true as const });

const asked = (expectation: Expectation, rules: typeof RULES | null = RULES) =>
  checkAsked({ name: 's', prometheus, expect: [{ check: 'others' }, expectation] }, rules, loadCheck);

it('takes alerts that there are, and leaves other checks alone', async () => {
  await asked({ check: 'alert-fires', during: 'cut', alert: 'Errors' });
  await asked({ check: 'alerts-silent', except: ['Errors'] });
  await asked({ check: 'alerts-silent' }, null);
  await asked({ check: 'others', alert: 'Nobody', except: ['Nobody'] });
});

it.each([
  [{ check: 'alert-fires', alert: 'Error' }, RULES, 'did you mean "Errors"? (Errors)'],
  [{ check: 'alert-fires', alert: 'a:b' }, RULES, '"a:b", which is no alert of systems/x/rules.yaml'],
  [{ check: 'alerts-silent', except: ['Errors', 'Eror'] }, RULES, '"Eror"'],
  [{ check: 'alert-fires', alert: 'Errors' }, null, 'it has no rules.yaml (there is none)'],
])('refuses %j', async (expectation, rules, why) => {
  const found = asked(expectation, rules);
  await expect(found).rejects.toMatchObject({ name: 'UsageError', message: expect.stringContaining(why) });
  await expect(found).rejects.toThrow(`scenarios/s.ts: expect.1: ${expectation.check}`);
});

it('refuses what takes a Prometheus where there is none', async () => {
  const none = checkAsked({ name: 's', expect: [{ check: 'alerts-silent' }] }, RULES, loadCheck);
  await expect(none).rejects.toThrow(
    'scenarios/s.ts: expect.0: alerts-silent judges what a Prometheus saw, and the scenario has none',
  );
});
