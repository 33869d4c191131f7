/** For bench/k6.ts: the writes of push-metrics, closed model and as fast as they go, with their ledger lines or (LEDGER=off) without. */
import type { Options } from 'k6/options';
import { settings } from './lib/settings.ts';
import { write } from './lib/write.ts';

export { handleSummary } from './lib/summary.ts';

export const options: Options = {
  scenarios: {
    push: { executor: 'constant-vus', vus: settings.vus, duration: `${settings.durationMs}ms` },
  },
  discardResponseBodies: true,
  noCookiesReset: true,
  systemTags: ['scenario', 'status', 'error_code', 'name'],
  summaryTrendStats: ['count'],
};

const withLedger = __ENV['LEDGER'] !== 'off';

export default function benchWrite(): void {
  // Not before: while k6 starts, the console is another one, which writes to stderr.
  write(withLedger ? console.log : null);
}
