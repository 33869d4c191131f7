/** k6's own counts at the end of a test, for harness/load.ts. Runs inside k6. */
import { settings } from './settings.ts';

interface SummaryData {
  metrics: Record<string, { values: Record<string, number> } | undefined>;
}

/** k6 leaves out a metric that was never counted: that is a zero. */
export function handleSummary({ metrics }: SummaryData): Record<string, string> {
  const count = (name: string) => metrics[name]?.values['count'] ?? 0;
  return {
    [settings.summaryFile]: JSON.stringify({
      iterations: count('iterations'),
      dropped_iterations: count('dropped_iterations'),
      http_reqs: count('http_reqs'),
      vus_max: metrics['vus_max']?.values['max'] ?? 0,
    }),
  };
}
