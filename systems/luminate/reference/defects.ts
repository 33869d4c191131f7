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
  'closes-listener-at-once':
    'on SIGTERM refuses new connections at once, while others still send them; finishes what is open',
  'exits-on-sigterm': 'ends on SIGTERM with exit code 0, in the middle of what it is answering',
  'ready-too-early': 'for its first 6 seconds its health is 200 and its answer to a write 503',
  'never-closes-keep-alive':
    'while draining never asks a client to go elsewhere, and at the end leaves what arrives on the connections they keep',
  'wrong-metric-name':
    'counts writes under luminate_writes_total instead of luminate_write_requests_total, so that alerts on them never fire',
} as const;

export type Defect = keyof typeof DEFECTS;
