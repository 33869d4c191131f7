/** What can be switched on to prove that a check sees it (PROOFLOAD_DEFECT). One at a time; everything else stays healthy. */
export const DEFECTS = {
  'acks-0': 'capture answers 202 without waiting for the broker: what is lost on the way was acknowledged',
  'acks-1':
    'capture waits for the leader alone (the default of the client that the guide names): with several brokers a change of leader loses what it acknowledged',
  'commit-before-insert':
    'the consumer commits before it inserts, and ends between the two at every 20th batch, which is lost',
  'insert-then-commit-crash':
    'the consumer ends after it inserted and before it commits at every 20th batch, which is stored again',
  'dlq-after-3-tries':
    'a batch that ClickHouse refused three times (1 s and 2 s apart) goes to events-dlq whole, as the guide has it',
  'validation-500': 'capture answers an event that breaks a rule with 500 instead of 400',
  'ready-without-kafka': 'capture is ready whether the broker answers or not',
  'poison-crash-loop': 'the consumer ends at a record that is no JSON, and meets it again after each start',
  'drop-on-sigterm':
    'from SIGTERM on capture answers 202 and sends nothing, neither what waits nor what still arrives; exits cleanly',
  'skip-silently':
    'the consumer passes over every 1,000th record of a partition: no row, no dead letter, no count; then commits as if nothing were',
  'wrong-metric-name':
    'the consumer counts failed inserts under consumer_insert_failures_total instead of consumer_insert_errors_total, so that the alert on them never fires',
} as const;

export type Defect = keyof typeof DEFECTS;

export function readDefect(text: string): Defect | undefined {
  if (text === '') return undefined;
  if (isDefect(text)) return text;
  throw new Error(`PROOFLOAD_DEFECT: no defect "${text}"; there is: ${Object.keys(DEFECTS).join(', ')}`);
}

function isDefect(text: string): text is Defect {
  return Object.hasOwn(DEFECTS, text);
}
