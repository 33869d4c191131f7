/** What a failed request is held against: the lives of the pods, and whether pods that were well failed, too. Pure. */
import { scanLedger } from '../ledger-scan.ts';
import type { RunView } from '../view.ts';
import type { Setting } from './failure.ts';
import type { PodLives } from './pod-lives.ts';
import { NEW_MS } from './pod-times.ts';

/** Reads the judged ledgers for answers of pods that had been ready for long and that nobody had asked to go. */
export function settingOf({ plan, ledgers }: RunView, lives: PodLives): Setting {
  const failing = new Set<number>();
  for (const { file, load } of ledgers) {
    if (!load?.judged) continue;
    scanLedger(
      file.chunks(),
      () => undefined,
      ({ status, pod, atMs }) => {
        const at = load.anchorMs + atMs;
        if (status >= 500 && pod !== null && isEstablished(lives, pod, at))
          failing.add(Math.floor(at / 1_000));
      },
    );
  }
  return {
    lives,
    replicas: plan.workload.replicas,
    hasReadinessProbe: plan.workload.readiness !== undefined,
    othersFail: (atMs) => {
      const second = Math.floor(atMs / 1_000);
      return failing.has(second - 1) || failing.has(second) || failing.has(second + 1);
    },
  };
}

/** Ready for long, and neither asked to go nor ended. */
function isEstablished({ starts, ends }: PodLives, pod: string, atMs: number): boolean {
  return (
    !starts.some((start) => start.pod === pod && atMs <= start.firstEndpointMs + NEW_MS) &&
    !ends.some((end) => end.pod === pod && atMs >= end.t0Ms[0])
  );
}
