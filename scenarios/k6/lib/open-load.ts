/** The options of an open load: arrivals at a constant rate that do not wait for answers. Runs inside k6. */
import type { Options } from 'k6/options';
import { settings } from './settings.ts';

/** k6 takes whole rates only; over a thousand seconds three decimals of a rate are whole. */
const RATE_UNIT_S = 1_000;

export const openLoad: Options = {
  scenarios: {
    push: {
      executor: 'constant-arrival-rate',
      rate: Math.round(settings.ratePerS * RATE_UNIT_S),
      timeUnit: `${RATE_UNIT_S}s`,
      duration: `${settings.durationMs}ms`,
      // All of them from the start: k6 makes further ones one at a time, and drops the iteration that asked for one.
      preAllocatedVUs: settings.vus,
      maxVUs: settings.vus,
      // Three attempts and the pauses between them: every write that began gets its line.
      gracefulStop: `${3 * settings.timeoutMs + 1_000}ms`,
    },
  },
  discardResponseBodies: true,
  noCookiesReset: true,
  systemTags: ['scenario', 'status', 'error_code', 'name'],
  // What the summary does not need costs a sort of every sample.
  summaryTrendStats: ['count'],
};
