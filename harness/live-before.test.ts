import { expect, it } from 'vitest';
import { SAMPLE_PLAN } from '../record/sample.ts';
import { followEvent, followSecond, newState } from './live-state.ts';
import { block, progressLine } from './live-text.ts';

it('shows how far the load before has come and how long it will take, and forgets it with its phase', () => {
  const state = newState(SAMPLE_PLAN);
  followEvent(state, { at: 0, kind: 'phase', phase: 'before' });
  expect(progressLine(state, 1)).toBeNull();
  const before = { started: 250_000, of: 1_000_000 };
  followSecond(state, { acked: 3_000, failed: 1, unknown: 0, p99Ms: 80, before });
  expect(progressLine(state, 1)).toBe(
    'before the load: 250,000 of 1,000,000 started, 3,000 acknowledged/s, 3,000 points/s, p99 80 ms, 4m10s left; 1 failed/s, 0 unknown/s',
  );
  expect(block(state, 1).some((text) => text.startsWith('before    250,000 of'))).toBe(true);
  expect(state.total.acked).toBe(0);
  followSecond(state, { acked: 0, failed: 0, unknown: 3_000, p99Ms: null, before });
  expect(progressLine(state, 1)).not.toContain('left');
  followEvent(state, { at: 0, kind: 'phase', phase: 'baseline' });
  expect(progressLine(state, 1)).toBeNull();
});
