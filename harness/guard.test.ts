import { expect, it } from 'vitest';
import { createGuard, type GuardLimits } from './guard.ts';
import type { Session } from './session.ts';

/** A guard, seconds that are told to it one after the other, and what it said. */
function watched(
  guards: GuardLimits,
  seconds: { acked: number; failed: number; ready?: number }[],
): string[] {
  let nowMs = 0;
  let ready = 3;
  const said: string[] = [];
  const guard = createGuard({
    guards,
    nowMs: () => nowMs,
    abort: (verdict, why) => said.push(`${verdict}: ${why}`),
    platform: {
      pods: () =>
        Array.from({ length: 3 }, (_, i) => ({
          name: `p${i}`,
          uid: `${i}`,
          ready: i < ready,
          terminating: false,
          url: '',
        })),
    } as unknown as Session['platform'],
  });
  for (const second of seconds) {
    nowMs += 1_000;
    ready = second.ready ?? 3;
    guard.second({ acked: second.acked, failed: second.failed, unknown: 0, p99Ms: null });
  }
  return said;
}

const bad = { acked: 1, failed: 9 };
const good = { acked: 10, failed: 0 };

it('ends a run in which too few writes were acknowledged for too long', () => {
  const [first, ...more] = watched({ served: 0.5, forMs: 2_000 }, [bad, bad, bad]);
  expect(first).toBe(
    'inconclusive: a guard of proofload.yaml ended the run: fewer than 50 % of the writes were acknowledged for 2s',
  );
  expect(more).toEqual([]);
});

it('counts anew after a good second', () => {
  expect(watched({ served: 0.5, forMs: 2_000 }, [bad, bad, good, bad, bad])).toEqual([]);
});

it('is not put off by seconds in which nothing came back at all', () => {
  const hung = { acked: 0, failed: 10 };
  const silent = { acked: 0, failed: 0 };
  const outage = [hung, silent, silent, hung, silent, silent, hung];
  expect(watched({ served: 0.5, forMs: 3_000 }, outage)[0]).toMatch(/fewer than 50 % of the writes/);
  expect(watched({ served: 0.5, forMs: 3_000 }, [silent, silent, silent, silent, silent])).toEqual([]);
  expect(watched({ served: 0.5, forMs: 3_000 }, [hung, silent, good, silent, hung, silent])).toEqual([]);
});

it('ends a run with too few pods Ready', () => {
  const unready = { ...good, ready: 1 };
  expect(watched({ readyPods: 2, forMs: 1_000 }, [unready, unready])[0]).toMatch(
    /fewer than 2 pods were Ready/,
  );
  expect(watched({ readyPods: 2, forMs: 1_000 }, [good, good])).toEqual([]);
});

it('lets everything be where nothing is asked', () => {
  expect(watched({}, [bad, bad, { acked: 0, failed: 0, ready: 0 }])).toEqual([]);
});
