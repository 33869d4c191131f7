/** How long each phase of a run took, and how much memory the groups of processes had at most meanwhile. */
import type { Event, EventOf } from '../record/model.ts';

interface Phase {
  name: EventOf<'phase'>['phase'];
  fromMs: number;
  peakMb: Map<string, number>;
}

export interface PhaseNotes {
  event(event: Event): void;
  /** One line for each phase that is over, and for the one under way. */
  lines(nowMs: number): string[];
}

export function createPhaseNotes(): PhaseNotes {
  const phases: Phase[] = [];
  return {
    event(event) {
      if (event.kind === 'phase') phases.push({ name: event.phase, fromMs: event.at, peakMb: new Map() });
      const peakMb = phases.at(-1)?.peakMb;
      if (event.kind !== 'host' || peakMb === undefined) return;
      for (const [group, mb] of Object.entries(event.rssMb))
        peakMb.set(group, Math.max(mb, peakMb.get(group) ?? 0));
    },
    lines: (nowMs) =>
      phases.map(({ name, fromMs, peakMb }, index) => {
        const tookS = ((phases[index + 1]?.fromMs ?? nowMs) - fromMs) / 1_000;
        const peaks = [...peakMb].map(([group, mb]) => `${group} ${Math.round(mb)} MB`);
        return `phase ${name} took ${tookS.toFixed(1)} s; peak memory: ${peaks.join(', ') || 'not seen'}`;
      }),
  };
}
