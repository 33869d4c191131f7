import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDurationMs } from './duration.ts';

describe('parseDurationMs', () => {
  it.each([
    ['5m', 300_000],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1.5m', 90_000],
    ['500ms', 500],
    ['1d', 86_400_000],
    ['64.1s', 64_100],
  ])('reads %s', (text, ms) => expect(parseDurationMs(text)).toBe(ms));

  it.each(['5 minute', '5', '', 'garbage 5m', '1h-3m', '-5m', '0s', '5M', '1e3s', ' 5m'])(
    'refuses "%s"',
    (text) => expect(parseDurationMs(text)).toBeNull(),
  );

  test.prop([fc.integer({ min: 1, max: 10_000_000 })], { seed: 7 })(
    'reads what formatDuration writes, to the second',
    (seconds) => {
      expect(parseDurationMs(formatDuration(seconds * 1_000))).toBe(seconds * 1_000);
    },
  );
});
