/** A request that failed, as its client saw it, and the words for why. Pure. */
import type { Connection } from '../../record/ledger.ts';
import type { PodLives } from './pod-lives.ts';

export type Cause =
  | 'listener-closed-before-endpoints'
  | 'stale-route'
  | 'keep-alive-race'
  | 'cut-by-sigkill'
  | 'not-drained'
  | 'sigterm-ignored'
  | 'dependency-closed-first'
  | 'ready-too-early'
  | 'capacity-dip'
  | 'oom-or-crash'
  | 'force-deleted';

/** One request, as its client saw it. Times on the run's clock. */
export interface Failure {
  fromMs: number;
  toMs: number;
  /** 0 = no answer. */
  status: number;
  /** k6's error code. */
  code: number;
  connection: Connection;
  /** Who answered, or is known to be at the other end. */
  pod: string | null;
  /** For how long the connection had carried nothing; null = not known. */
  idleMs: number | null;
}

export interface Attributed {
  cause: Cause | 'unattributed';
  pod: string | null;
  /** Half a sentence: what shows it. */
  evidence: string;
}

export interface Setting {
  lives: PodLives;
  /** Ready pods that the load is served by when nothing is disturbed. */
  replicas: number;
  hasReadinessProbe: boolean;
  /** Did pods that had been ready for long, and that nobody asked to go, answer 5xx about then? Then it is not the doing of one pod. */
  othersFail(atMs: number): boolean;
}

export const TIMEOUT = 1050;
/** EOF, broken pipe, other, reset: the other side has closed (grafana/k6, lib/netext/httpext/error_codes.go). */
export const CLOSED = new Set([1000, 1200, 1201, 1202, 1220]);

/** Too few pods explain what waits or is turned away, not what is cut. */
export function dipOr(
  { status, code, fromMs, toMs }: Failure,
  { lives, replicas }: Setting,
  evidence: string,
): Attributed {
  const ready = lives.fewestReady(fromMs, toMs);
  const waits =
    status === 503 || status === 429 || (status >= 200 && status < 300) || (status === 0 && code === TIMEOUT);
  if (!waits || ready === null || ready >= replicas) return { cause: 'unattributed', pod: null, evidence };
  return {
    cause: 'capacity-dip',
    pod: null,
    evidence: `${evidence}; ${ready} of ${replicas} pods were ready`,
  };
}
