import { expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

const namesOf = async (defect?: 'wrong-metric-name') =>
  (await createMetrics(defect).registry.getMetricsAsJSON()).map(({ name }) => name);

it('loses exactly the name that the alerts on writes depend on by the defect wrong-metric-name', async () => {
  const [sound, wrong] = await Promise.all([namesOf(), namesOf('wrong-metric-name')]);
  expect(sound).toContain('luminate_write_requests_total');
  expect(wrong).toEqual(
    sound.map((name) => (name === 'luminate_write_requests_total' ? 'luminate_writes_total' : name)),
  );
});
