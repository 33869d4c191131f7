/** One alert in virtual time: a unit test made from its expression, played by promtool (docs/alerts.md). */
import { NotUnderstood } from '../../analysis/alerts/input.ts';
import { type VirtualTest, virtualTest } from '../../analysis/alerts/virtual.ts';
import { type VirtualVerdict, verdictOf } from '../../analysis/alerts/virtual-verdict.ts';
import type { RuleEntry } from '../../analysis/rules/rule-file.ts';
import { reasonOf } from '../../record/reason.ts';
import { playRuleTest } from '../promtool-rules.ts';

export interface Tested {
  verdict: VirtualVerdict;
  why: string;
  /** Null: no test could be made. */
  test: Pick<VirtualTest, 'levels' | 'evaluationIntervalMs'> | null;
  /** What it was played with. */
  series: string[];
}

/** Rejects only with the reason of `signal`: what cannot be tested says so. */
export async function testInVirtualTime(
  rule: RuleEntry,
  { promtool, scrapeIntervalMs, signal }: { promtool: string; scrapeIntervalMs: number; signal: AbortSignal },
): Promise<Tested> {
  const untested = (why: string): Tested => ({ verdict: 'not-tested', why, test: null, series: [] });
  const { expr } = rule;
  if (expr === null) return untested('its expression is no PromQL: see proofload rules');
  try {
    const { test, ...numbers } = virtualTest(
      { ...rule, expr },
      { keepFiringForMs: rule.keepFiringForMs, scrapeIntervalMs },
    );
    const failures = await playRuleTest(promtool, test, signal);
    const series = test.cases[0]?.series.map((one) => one.series) ?? [];
    return { ...verdictOf(failures), test: numbers, series };
  } catch (error) {
    signal.throwIfAborted();
    return untested(
      error instanceof NotUnderstood
        ? `no series can be derived for it: ${error.message}`
        : `promtool could not play it: ${reasonOf(error)}`,
    );
  }
}
