import { formatDuration } from '../../../record/duration.ts';
import type { Finding } from '../finding.ts';
import { inEveryPart, type RuleSet } from '../set.ts';
import { USUAL_SCRAPE_MS, windowOf } from '../window.ts';

export const title = 'A window that holds less than two samples most of the time';
export const severity = 'warning';

export function find({ rules, scrapeIntervalMs }: RuleSet): Finding[] {
  const scrapeMs = scrapeIntervalMs ?? USUAL_SCRAPE_MS;
  return inEveryPart(rules, (part) => {
    const found = windowOf(part);
    if (found === null || found.windowMs >= 2 * scrapeMs) return null;
    const { name, windowMs } = found;
    return {
      why: `${name}() needs two samples, and with a scrape every ${formatDuration(scrapeMs)} a window of ${formatDuration(windowMs)} often holds one: the result is empty, and nothing fires.`,
      fix: `Take at least four scrapes: [${formatDuration(4 * scrapeMs)}].`,
      ...(scrapeIntervalMs === null && {
        assuming: `targets are scraped every ${formatDuration(scrapeMs)} (say otherwise with --scrape-interval)`,
      }),
    };
  });
}
