import { expect, it } from 'vitest';
import { reasonOf } from './reason.ts';

it('takes the words of an error, and of anything else that was thrown', () => {
  expect(reasonOf(new RangeError('too far'))).toBe('too far');
  expect(reasonOf('torn')).toBe('torn');
  expect(reasonOf(undefined)).toBe('undefined');
  expect(reasonOf({ message: 'no error' })).toBe('[object Object]');
});
