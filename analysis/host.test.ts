import { expect, it } from 'vitest';
import type { Event } from '../record/model.ts';
import { hostView } from './host.ts';

const sample = (at: number, rest: object = {}): Event => ({
  at,
  kind: 'host',
  busy: 0.5,
  foreign: 0,
  steal: 0,
  cores: { k6: 1 },
  rssMb: { k6: at / 100 },
  diskFreeMb: 1,
  ...rest,
});
const seconds = (length: number) => Array.from({ length }, (_, index) => index * 1_000);

it('takes means over windows that overlap by half', () => {
  const burst = seconds(40).map((at) =>
    sample(at, at >= 15_000 && at < 25_000 ? { foreign: 0.4, steal: 0.2 } : {}),
  );
  const { windows, samples, cores, peakRssMb } = hostView(burst, 0, 40_000);
  expect(samples).toBe(40);
  expect(windows.map(({ fromMs }) => fromMs)).toEqual([0, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000]);
  expect(windows.map(({ foreign }) => Math.round(foreign * 10))).toEqual([0, 0, 2, 4, 2, 0, 0]);
  expect(windows[3]?.steal).toBeCloseTo(0.2);
  expect([cores, peakRssMb]).toEqual([{ k6: 1 }, { k6: 390 }]);
});

it('looks at the last seconds, too, where steps of five do not come out even', () => {
  const late = seconds(19).map((at) => sample(at, at >= 15_000 ? { steal: 0.6 } : {}));
  const { windows } = hostView(late, 0, 19_000);
  expect(windows.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
    [0, 10_000],
    [5_000, 15_000],
    [9_000, 19_000],
  ]);
  expect(windows[2]?.steal).toBeCloseTo(0.24);
});

it('counts a group that was not there as nothing', () => {
  const { cores } = hostView([sample(0), sample(1_000, { cores: { pods: 2 }, rssMb: {} })], 0, 5_000);
  expect(cores).toEqual({ k6: 0.5, pods: 1 });
});

it('says nothing of memory that nobody measured', () => {
  const { peakRssMb } = hostView([sample(1_000), sample(2_000, { cores: { pods: 2 } })], 0, 5_000);
  expect(peakRssMb).toEqual({ k6: 20 });
});

it('knows a window without a sample', () => {
  const { windows } = hostView(
    seconds(40)
      .filter((at) => at < 10_000 || at > 22_000)
      .map((at) => sample(at)),
    0,
    40_000,
  );
  expect(windows.find(({ samples }) => samples === 0)).toMatchObject({ fromMs: 10_000, toMs: 20_000 });
  expect(hostView([], 0, 4_000).windows).toMatchObject([{ samples: 0, toMs: 4_000 }]);
});
