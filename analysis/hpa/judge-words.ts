/** A judged sync in words that need no code. */
import { seconds } from '../check.ts';
import type { Judged } from './judge.ts';

/** `at 68.9 s, with 3 replicas, cpu at 118 % (target 70 %) and 3 of 3 pods counted, 6 was legal and 3 was set` */
export function wordsOf({ write, legal, asked }: Judged): string {
  const { receivedMs, current, desired } = write;
  const inputs = [`${current} replicas`, ...metricWords(write), ...(asked.pods === null ? [] : [asked.pods])];
  const allowed = legal.length === 1 ? `only ${legal[0]} was legal` : `only ${legal.join(' or ')} were legal`;
  return `at ${seconds(receivedMs)}, with ${listed(inputs)}, ${allowed} and ${desired} was set`;
}

function metricWords({ metrics, spec }: Judged['write']): string[] {
  return metrics.flatMap((shown, index) => {
    const metric = spec.metrics[index];
    if (!shown || !metric) return [];
    const { type, value } = metric.target;
    if (type === 'utilization')
      return [`${metric.name} at ${shown.utilization ?? '?'} % (target ${value} %)`];
    return [`${metric.name} at ${(shown.usageMilli ?? 0) / 1_000} (target ${value / 1_000})`];
  });
}

function listed(parts: readonly string[]): string {
  const last = parts.at(-1) ?? '';
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} and ${last}`;
}

/** Reasons of undecided syncs with how many there are of each, the most frequent first. */
export function undecidedWords(judged: readonly Judged[]): string {
  const counts = new Map<string, number>();
  for (const { outcome, why } of judged)
    if (outcome === 'undecided') counts.set(why, (counts.get(why) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([why, count]) => `${count}: ${why}`)
    .join('; ');
}
