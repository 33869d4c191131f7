/** What can be switched on to prove that a check sees it (PROOFLOAD_DEFECT). One at a time; everything else stays healthy. */
export const DEFECTS = {
  'recovery-fails-others':
    'every start marks all journeys that wait or run, also those of other pods, failed with server_crashed, as the real recovery does',
  'events-local-only':
    'an event for a journey that another pod started is answered as routed and dropped: journeys are known to the pod that started them only',
  'non-unique-guard':
    'a customer is looked up first and inserted then, without a unique index: two triggers at once start two journeys',
  'ack-before-commit':
    'answers triggers and events on receipt and commits half a second later, patiently: only a SIGKILL loses what it acknowledged',
  'drop-on-sigterm':
    'from SIGTERM on acknowledges triggers and events and does nothing for them; exits cleanly',
  'wrong-metric-name':
    'counts starts under kalcifer_flow_starts_total, in the words of the code, instead of kalcifer_journey_starts_total, so that the alert on failed journeys never fires',
} as const;

export type Defect = keyof typeof DEFECTS;
