import { expect, it } from 'vitest';
import type { Event } from '../../record/model.ts';
import { endpoints } from '../disruption/testing.ts';
import { faultEvents } from '../testing.ts';
import { costsOf } from './testing.ts';

const kill = { name: 'kill', fault: { chaos: 'pod-kill' } };
/** Struck at 20.9 s .. 21 s, gone at 30 s. */
const told = (...events: Event[]) =>
  costsOf({ faults: [kill], events: [...faultEvents('kill', 21_000, 30_000), ...events] });
const before = endpoints(900, 'a', 'b', 'c');
const blind = (fromMs: number, toMs: number): Event => ({
  at: toMs,
  kind: 'gap',
  what: 'EndpointSlice watch',
  fromMs,
  toMs,
  why: 'no answer',
});
const RTO = 'RTO of kill, pods';

it('measures until as many pods are ready as before', () => {
  const { figure, row } = told(before, endpoints(21_000, 'b', 'c'), endpoints(29_500, 'b', 'c', 'd'));
  expect(figure(RTO)).toBeCloseTo(8.6);
  expect(row('kill')).toContain('pods: <= 8.6 s +- 0.1 s (2 of 3 ready at the least)');
});

it('takes the last dip that begins in the window, and none that begins after it', () => {
  const rolling = [
    endpoints(22_000, 'b', 'c'),
    endpoints(23_000, 'b', 'c', 'd'),
    endpoints(24_000, 'c', 'd'),
  ];
  const { figure } = told(before, ...rolling, endpoints(26_000, 'c', 'd', 'e'), endpoints(50_000, 'c'));
  expect(figure(RTO)).toBeCloseTo(5.1);
});

it('never = more than what could be seen', () => {
  const { figure, row } = told(before, endpoints(21_000, 'b', 'c'));
  expect(figure(RTO)).toBeNull();
  expect(row('kill')).toContain('pods: > 43.6 s (2 of 3 ready at the least)');
});

it('counts what was not watched into the resolution, and cannot tell where that may hide the answer', () => {
  const dip = endpoints(21_000, 'b', 'c');
  const late = told(before, dip, blind(24_000, 29_500), endpoints(29_500, 'b', 'c', 'd'));
  expect(late.figure(RTO)).toBeCloseTo(8.6);
  expect(late.row('kill')).toContain('+- 5.6 s (2 of 3 ready at the least, not watched for 5.5 s of it)');
  const never = told(before, dip, blind(24_000, 60_000));
  expect(never.row('kill')).toContain('pods: not seen back, and not watched for 36.0 s');
  const hidden = told(before, blind(24_000, 28_000));
  expect(hidden.figure(RTO)).toBeNull();
  expect(hidden.row('kill')).toContain('never seen fewer than the 3 before, but not watched for 4.0 s');
  // A change that could not be read has no length.
  expect(told(before, blind(24_000, 24_000)).figure(RTO)).toBeNull();
});

it('says so when pods did not change, were never fewer, or are not on record', () => {
  expect(told(before).row('kill')).toContain('pods: did not change');
  expect(told(before).figure(RTO)).toBeNull();
  const surged = told(before, endpoints(22_000, 'a', 'b', 'c', 'd'), endpoints(23_000, 'b', 'c', 'd'));
  expect(surged.figure(RTO)).toBe(0);
  expect(surged.row('kill')).toContain('never fewer ready than the 3 before');
  expect(told().row('kill')).toContain('pods: who was ready before it is not on record');
  expect(told(endpoints(900)).row('kill')).toContain('pods: none was ready before it');
});
