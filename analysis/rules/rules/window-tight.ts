import { formatDuration } from '../../../record/duration.ts';
import type { Finding } from '../finding.ts';
import { inEveryPart, type RuleSet } from '../set.ts';
import { USUAL_SCRAPE_MS, windowOf } from '../window.ts';

export const title = 'A window that one failed scrape empties';
export const severity = 'info';

export function find({ rules, scrapeIntervalMs }: RuleSet): Finding[] {
  const scrapeMs = scrapeIntervalMs ?? USUAL_SCRAPE_MS;
  return inEveryPart(rules, (part) => {
    const found = windowOf(part);
    if (found === null || found.windowMs >= 4 * scrapeMs) return null;
    const { name, windowMs } = found;
    if (windowMs < 2 * scrapeMs) return null;
    return {
      why: `${name}() over ${formatDuration(windowMs)} stands one failed scrape only if there is one every ${formatDuration(windowMs / 4)}; ${scrapeIntervalMs === null ? 'most configurations have' : 'here it is'} ${formatDuration(scrapeMs)}.`,
      fix: `[${formatDuration(4 * scrapeMs)}], or a shorter scrape interval.`,
    };
  });
}
