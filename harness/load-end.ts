/** Why a k6 process ended, in words, and what it counted. */
import { closeSync, existsSync, openSync, readFileSync, readSync, fstatSync } from 'node:fs';

/** Meaning of k6's exit codes (grafana/k6, errext/exitcodes at v2.2.0); 2 is Go's own, for a crash of its runtime. */
const EXIT_CODES: Record<number, string> = {
  2: 'k6 crashed',
  104: 'k6 refused the options of the script',
  105: 'k6 was stopped by a signal',
  107: 'the script threw an error while k6 started',
  108: 'the script aborted the test',
  109: 'k6 panicked',
};
const LOG_TAIL_BYTES = 4_096;
const LOG_TAIL_LINES = 5;
const SUMMARY_LIMIT_BYTES = 64 * 1024;

/** One sentence; what k6 said last is in it wherever it did not simply end. */
export function explainEnd(exitCode: number | null, signal: string | null, logFile: string): string {
  if (exitCode === 0) return 'k6 ended';
  const killed = signal === 'SIGKILL' ? ' (kill -9, or the kernel was out of memory)' : '';
  const what =
    signal === null
      ? (EXIT_CODES[exitCode ?? -1] ?? `k6 ended with exit code ${exitCode}`)
      : `k6 was killed by ${signal}${killed}`;
  const said = lastWords(logFile);
  return said === '' ? what : `${what}; last in its log: ${said}`;
}

/** The last lines of a k6 log, without those that every failed request leaves. */
function lastWords(logFile: string): string {
  if (!existsSync(logFile)) return '';
  const fd = openSync(logFile, 'r');
  try {
    const { size } = fstatSync(fd);
    const tail = Buffer.alloc(Math.min(size, LOG_TAIL_BYTES));
    const length = readSync(fd, tail, 0, tail.length, size - tail.length);
    return tail
      .toString('utf8', 0, length)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && line !== 'Request Failed')
      .slice(-LOG_TAIL_LINES)
      .join(' | ');
  } finally {
    closeSync(fd);
  }
}

/** What `scenarios/k6/lib/summary.ts` left; nulls when there is none, or none that can be read. */
export function readSummary(summaryFile: string): { iterations: number | null; dropped: number | null } {
  try {
    const text = readFileSync(summaryFile, 'utf8');
    const summary: unknown = text.length > SUMMARY_LIMIT_BYTES ? null : JSON.parse(text);
    return { iterations: count(summary, 'iterations'), dropped: count(summary, 'dropped_iterations') };
  } catch {
    return { iterations: null, dropped: null };
  }
}

function count(summary: unknown, name: string): number | null {
  const value = typeof summary === 'object' && summary !== null ? Reflect.get(summary, name) : null;
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : null;
}
