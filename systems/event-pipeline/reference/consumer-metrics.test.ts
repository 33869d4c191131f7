import { expect, it } from 'vitest';
import { createConsumerMetrics } from './consumer-metrics.ts';

const namesOf = async (defect?: 'wrong-metric-name') =>
  (await createConsumerMetrics(defect).registry.getMetricsAsJSON()).map(({ name }) => name);

it('loses exactly the name that the alert on inserts depends on by the defect wrong-metric-name', async () => {
  const [sound, wrong] = await Promise.all([namesOf(), namesOf('wrong-metric-name')]);
  expect(sound).toContain('consumer_insert_errors_total');
  expect(wrong).toEqual(
    sound.map((name) => (name === 'consumer_insert_errors_total' ? 'consumer_insert_failures_total' : name)),
  );
});
