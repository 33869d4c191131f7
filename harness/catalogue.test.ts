import { expect, it } from 'vitest';
import { unaskedOf } from './catalogue.ts';

it('misses the checks without which the others could pass on nothing', () => {
  const [load, faults] = [{ check: 'generator-valid' }, { check: 'faults-proven' }];
  const disturb = [{ name: 'drain', fault: 'drain' as const }];
  expect(unaskedOf({ disturb: [], expect: [load] })).toBeNull();
  expect(unaskedOf({ disturb, expect: [load, faults] })).toBeNull();
  expect(unaskedOf({ disturb, expect: [load] })).toMatch(/^faults-proven is missing/);
  expect(unaskedOf({ disturb: [], expect: [faults] })).toMatch(/^generator-valid is missing/);
});
