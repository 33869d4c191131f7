import { expect, it } from 'vitest';
import { faultEvents, type Story, viewOf } from '../testing.ts';
import { lostSpans } from './loss.ts';
import { costsOf } from './testing.ts';

/** Begun at 18 s, seen acting from 20.9 s .. 21 s to 26 s: a write of index i is answered at 1.02 s + i x 50 ms. */
const cut: Story = {
  faults: [{ name: 'cut', fault: { chaos: 'cut' }, forMs: 5_000 }],
  events: faultEvents('cut', 21_000, 26_000).map((event) =>
    event.kind === 'fault.intent' ? { ...event, at: 18_000 } : event,
  ),
  write: (_, dueMs) => (dueMs >= 25_000 && dueMs < 27_000 ? { outcome: 'U', status: 0 } : {}),
};
/** What is read back, without the writes of these indices. */
const losing =
  (...indices: number[]): NonNullable<Story['stored']> =>
  (text) => {
    const gone = new Set(
      indices.map((i) => `${(i % 4) + 1}:${Math.floor(i / 4) + 1}-${Math.floor(i / 4) + 1}`),
    );
    return text
      .split('\n')
      .filter((line) => !gone.has(line))
      .join('\n');
  };

it('prints a zero with its bound and the number at risk, unknown and stored twice beside it', () => {
  const { figure, row } = costsOf({ ...cut, stored: (text) => text.replace('1:101-101', '1:101-101 x2') });
  expect(figure('RPO of cut')).toBe(0);
  // Answered from 18.0 s on (index 340), unknown from due 25 s (index 500) on; good again from 28 s (index 540) on.
  expect(figure('at risk of cut')).toBe(160);
  expect(figure('unknown of cut')).toBe(40);
  expect(figure('duplicates of cut')).toBe(1);
  expect(figure('span of the lost of cut')).toBeUndefined();
  expect(row('cut')).toContain('0 lost of 160 at risk (<= 1.88 % at 95 %); 1 stored twice, 40 unknown');
});

it('counts what is lost, the span of the acknowledgements and the signed distances from the fault', () => {
  const { figure, row } = costsOf({ ...cut, stored: losing(360, 400, 420) });
  expect(figure('RPO of cut')).toBe(3);
  expect(figure('span of the lost of cut')).toBeCloseTo(3);
  // Acknowledged at 19.02 s, before the fault began to act; the last at 22.02 s, within.
  expect(figure('first lost of cut, from the fault')).toBeCloseTo(-1.88);
  expect(figure('last lost of cut, from the fault')).toBe(0);
  expect(row('cut')).toContain(
    '3 lost of 160 at risk; acknowledged within 3.0 s, the first 1.9 s before cut, the last while cut acted',
  );
});

it('measures a blow from the blow, so what follows is after it', () => {
  const kill = { ...cut, faults: [{ name: 'cut', fault: { chaos: 'pod-kill' } }] };
  const { figure, row } = costsOf({ ...kill, stored: losing(420) });
  expect(figure('first lost of cut, from the fault')).toBeCloseTo(1.02);
  expect(row('cut')).toContain('all 1.0 s after cut');
});

it('keeps losses of other windows and of none apart, and says when those were', () => {
  const story = { ...cut, stored: losing(2, 400, 800) };
  expect(costsOf(story).figure('RPO of cut')).toBe(1);
  expect(costsOf(story).row('cut')).toContain(
    'at least 1 lost of 160 at risk; of 2 more, acknowledged in no window, the first was before this one closed',
  );
  expect(lostSpans(viewOf(story))).toEqual([
    'cut: acknowledged within 0.0 s, all while cut acted',
    'outside: acknowledged from 1.1 s to 41.0 s',
  ]);
});

it('says so when nothing was at risk, and claims no zero where the read-back cannot tell', () => {
  const mute = costsOf({ ...cut, write: (_, dueMs) => (dueMs > 16_000 ? { outcome: 'U', status: 0 } : {}) });
  expect(mute.figure('RPO of cut')).toBeNull();
  expect(mute.row('cut')).toContain('no write was at risk');
  const cutShort = costsOf({ ...cut, stored: (text) => text.replace('end\n', '') });
  expect(cutShort.figure('duplicates of cut')).toBeNull();
  expect(cutShort.row('cut')).toContain('not known how many stored twice');
  const unread = costsOf({ ...cut, edit: (event) => (event.kind === 'readback' ? null : event) });
  expect(unread.figure('RPO of cut')).toBeNull();
  expect(unread.figure('duplicates of cut')).toBeNull();
  expect(unread.row('cut')).toContain('lost: not known');
  expect(unread.row('cut')).toContain('nothing was read back');
});
