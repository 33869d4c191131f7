/** What harness/load.ts says in the environment, read once. Runs inside k6. */

/** Throws at the script's start, which ends k6 with exit code 107. */
function text(name: string): string {
  const value = __ENV[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set in the environment`);
  return value;
}

function positive(name: string): number {
  const value = Number(text(name));
  if (!Number.isFinite(value) || value <= 0)
    throw new Error(`${name}: expected a number above 0, got "${text(name)}"`);
  return value;
}

export const settings = {
  /** Where writes are posted to. */
  url: text('URL'),
  /** For the Authorization header; without it there is none. */
  token: __ENV['TOKEN'] ?? '',
  /** More headers of every request, a JSON object. */
  headers: JSON.parse(__ENV['HEADERS'] ?? '{}') as Record<string, string>,
  runId: text('RUN_ID'),
  runner: text('RUNNER'),
  ratePerS: positive('RATE'),
  durationMs: positive('DURATION_MS'),
  vus: positive('VUS'),
  /** Metrics in one write. */
  points: positive('POINTS'),
  /** After so many a virtual user closes its connection; 0 = never. */
  writesPerConnection: Number(__ENV['WRITES_PER_CONNECTION'] ?? '0'),
  /** Of one attempt. */
  timeoutMs: positive('TIMEOUT_MS'),
  summaryFile: text('SUMMARY_FILE'),
};
