import { expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

const namesOf = async (defect?: 'wrong-metric-name') =>
  (await createMetrics(() => Promise.resolve(0), defect).registry.getMetricsAsJSON()).map(({ name }) => name);

it('loses exactly the name that the alert on failed journeys divides by, by the defect wrong-metric-name', async () => {
  const [sound, wrong] = await Promise.all([namesOf(), namesOf('wrong-metric-name')]);
  expect(sound).toContain('kalcifer_journey_starts_total');
  expect(wrong).toEqual(
    sound.map((name) => (name === 'kalcifer_journey_starts_total' ? 'kalcifer_flow_starts_total' : name)),
  );
});
