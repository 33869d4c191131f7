/** What may be missing because nothing has failed yet: many clients create a series with its first event. */

const WORDS =
  'err|error|errors|fail|failed|failing|failure|failures|fault|faults|drop|dropped|reject|rejected|rejections|timeout|timeouts|bounces|discarded|lost|denied|refused|aborted|cancelled|canceled|exceeded|panic|panics|oom|oomkilled|killed|evicted|crash|crashes|dlq|corrupt|corruption|corruptions|unhealthy';

/** Whether a metric's name counts failures. */
export function countsFailures(name: string): boolean {
  return new RegExp(`(^|[_:])(${WORDS})(?=$|[_:])`, 'i').test(name);
}

/** Whether a label's value, or a pattern for it, names failures: 5xx, 404, error, OOMKilled. */
export function namesFailure({ label, value }: { label: string; value: string }): boolean {
  const isStatus = /code|status|class|response/i.test(label) && /^\W*[45][\dx.[\\]/i.test(value);
  return isStatus || new RegExp(`(^|[^a-z])(${WORDS})(?![a-z])`, 'i').test(value);
}
