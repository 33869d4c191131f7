/** What is known of a system's alerts without a run: the findings of the lint, and each alert's test in virtual time, with its own numbers. */
import { lintRules } from '../../analysis/rules/lint.ts';
import { reasonOf } from '../../record/reason.ts';
import type { RunWriter } from '../../record/writer.ts';
import { loadRuleChecks } from '../catalogue.ts';
import { findEngine } from '../engines.ts';
import { testInVirtualTime } from './virtual-test.ts';
import type { WatchPlan } from './watch-plan.ts';

/** One `alert.logic` for each alert. Rejects only with the reason of `signal`. */
export async function tellLogic(
  { written, writtenScrapeIntervalMs: scrapeIntervalMs }: WatchPlan,
  writer: Pick<RunWriter, 'emit'>,
  signal: AbortSignal,
): Promise<void> {
  if (written === null) return;
  const findings = lintRules([written], await loadRuleChecks(), scrapeIntervalMs);
  const promtool = await findEngine('promtool', {
    signal,
    onProgress: (text) => writer.emit({ kind: 'note', text }),
  }).then(
    ({ path }) => ({ path, why: '' }),
    (error: unknown) => ({ path: null, why: reasonOf(error) }),
  );
  for (const rule of written.groups.flatMap(({ rules }) => rules)) {
    if (rule.kind !== 'alert') continue;
    const { verdict: virtual, why } =
      promtool.path === null
        ? { verdict: 'not-tested' as const, why: promtool.why }
        : await testInVirtualTime(rule, { promtool: promtool.path, scrapeIntervalMs, signal });
    writer.emit({
      kind: 'alert.logic',
      alert: rule.name,
      findings: findings
        .filter(({ object }) => object === `alert ${rule.name}`)
        .map(({ rule: id, severity, why: said }) => `${severity} ${id}: ${said}`),
      virtual,
      why,
    });
  }
}
