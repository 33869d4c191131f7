/** httpGet probes as the kubelet plays them. */
import http from 'node:http';
import { sleep } from './process.ts';
import type { HttpProbe } from '../manifests/workload.ts';

export interface ProbeResult {
  ok: boolean;
  /** In words for the history, e.g. `HTTP 503` or `connect ECONNREFUSED`. */
  detail: string;
}

/**
 * One GET on a connection of its own; 200-399 is success, everything else and silence past the timeout is failure
 * (kubelet, pkg/probe/http). The body is not read.
 */
export function httpGet(port: number, path: string, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const done = (ok: boolean, detail: string) => {
      clearTimeout(timer);
      resolve({ ok, detail });
      request.destroy();
    };
    const request = http.get(
      { host: '127.0.0.1', port, path, agent: false, headers: { 'user-agent': 'kube-probe/1.34' } },
      (response) => {
        const status = response.statusCode ?? 0;
        done(status >= 200 && status < 400, `HTTP ${status}`);
      },
    );
    const timer = setTimeout(() => done(false, `no answer within ${timeoutMs} ms`), timeoutMs);
    request.on('error', (error) => done(false, error.message));
  });
}

/** How a probe's verdict over several results changes: at the first success, and at the last failure of a full row. */
export interface Streak {
  failures: number;
}

/** True: succeeded. False: `failures` in a row are complete. Undefined: not decided. (successThreshold 1) */
export function judgeStreak(streak: Streak, ok: boolean, failureThreshold: number): boolean | undefined {
  streak.failures = ok ? 0 : streak.failures + 1;
  if (ok) return true;
  return streak.failures >= failureThreshold ? false : undefined;
}

/**
 * Probes until the signal is aborted: first `delayMs` after the container's start, then every `periodMs`, and at once
 * after a probe that took longer than its period. `onVerdict` gets every decided verdict, not only changes.
 */
export async function runProbe(options: {
  probe: HttpProbe;
  port: number;
  /** On the clock of performance.now(). */
  startedAtMs: number;
  signal: AbortSignal;
  onVerdict(ok: boolean, detail: string): void;
}): Promise<void> {
  const { probe, signal } = options;
  const streak: Streak = { failures: 0 };
  let nextMs = options.startedAtMs + probe.delayMs;
  for (;;) {
    await sleep(Math.max(0, nextMs - performance.now()), signal);
    if (signal.aborted) return;
    nextMs = Math.max(nextMs, performance.now()) + probe.periodMs;
    const { ok, detail } = await httpGet(options.port, probe.path, probe.timeoutMs);
    if (signal.aborted) return;
    const verdict = judgeStreak(streak, ok, probe.failures);
    if (verdict !== undefined) options.onVerdict(verdict, detail);
  }
}
