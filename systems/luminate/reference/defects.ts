/** What can be switched on to prove that a check sees it (PROOFLOAD_DEFECT). One at a time; everything else stays healthy. */
export const DEFECTS = {
  'ack-before-store':
    'answers 200 on receipt and commits half a second later, patiently: only a SIGKILL loses what it acknowledged',
  'drop-on-sigterm':
    'from SIGTERM on answers 200 and stores nothing, neither what waits nor what still arrives; exits cleanly',
  'ignore-sigterm': 'does nothing on SIGTERM, so that every stop ends in SIGKILL',
  'ready-without-store': 'once it has seen its store, its health is 200 whether the store is there or not',
  'error-after-store':
    'answers every 1,000th write of more than one metric 500 after storing it, and stores a repeated write again',
} as const;

export type Defect = keyof typeof DEFECTS;
