/** Faults on the stores of the event pipeline, on a real cluster: each is seen acting where it is aimed, seen gone, and leaves nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl, up, whyNoCluster } from './bare.ts';
import { type Field, openField } from './field.ts';
import { FULL, judgedRun, red } from './proofload.ts';

const NAMESPACE = 'stores-e2e';
const HELD_MS = 3_000;
const SEEN = ['fault.intent', 'acting', 'fault.injected', 'fault.healed', 'gone'];

const why = FULL ? whyNoCluster() : 'faults on stores are part of make e2e-full: their images are large';
if (why !== null) process.stderr.write(`skipped: ${why}\n`);

describe.skipIf(why !== null)('faults on stores', () => {
  let field: Field;
  beforeAll(async () => {
    field = await openField(NAMESPACE);
  });
  afterAll(async () => {
    await field.remove();
  });

  it.each([
    ['kafka-partition', 3],
    ['kafka-partition-one-way', 3],
    ['clickhouse-partition', 1],
  ])('%s: all clients of one store, and no other store, are cut off', async (chaos, clients) => {
    const { story, proofs, intent } = await field.play(chaos, { forMs: HELD_MS });
    process.stderr.write(`${intent?.detail ?? ''}\n${proofs.acting ?? ''}\n`);
    expect(story).toEqual(SEEN);
    expect(intent?.targets).toHaveLength(clients + 1);
    if (chaos.endsWith('one-way'))
      expect(proofs.acting).toMatch(
        /from event-kafka-0 to capture-api-.* arrive, so one direction alone is cut/,
      );
    expect(await field.left()).toBe('');
  });

  it.each(['broker-kill', 'clickhouse-kill'])(
    '%s: a pod of the same name and the same volume comes back',
    async (chaos) => {
      const pod = chaos === 'broker-kill' ? 'event-kafka-0' : 'event-clickhouse-0';
      const uidOf = () => kubectl('get', 'pod', pod, '-n', NAMESPACE, '-o', 'jsonpath={.metadata.uid}');
      const before = await uidOf();
      const { story, proofs, intent } = await field.play(chaos, {});
      process.stderr.write(`${intent?.detail ?? ''}\n${proofs.acting ?? ''}\n`);
      expect(story).toEqual(SEEN);
      expect(intent?.detail).not.toContain('volume');
      expect(await uidOf()).not.toBe(before);
      expect(await field.left()).toBe('');
    },
  );

  it('broker-failure: the port refuses while the pod stays', async () => {
    const { story } = await field.play('broker-failure', { forMs: HELD_MS });
    expect(story).toEqual(SEEN);
    expect(await field.left()).toBe('');
  });

  it.each(['clickhouse-cpu-stress', 'clickhouse-memory-stress'])('%s shows in its cgroup', async (chaos) => {
    const { story, proofs } = await field.play(chaos, { forMs: HELD_MS });
    process.stderr.write(`${proofs.acting ?? ''}\n`);
    expect(story).toEqual(SEEN);
  });

  it.each([
    'kafka-partition-under-load',
    'clickhouse-partition-under-load',
    'broker-kill-under-load',
    'store-restart-under-load',
  ])('%s: nothing acknowledged is lost', async (scenario) => {
    const run = await judgedRun([scenario, '--on', 'bare', '--rate', '60']);
    const lost = run.figures.find(({ name }) => name === 'lost');
    expect(lost?.value, red(run).join('\n')).toBe(0);
    expect(run.verdicts.find(({ check }) => check === 'faults-proven')?.verdict, red(run).join('\n')).toBe(
      'pass',
    );
  });

  it('database-faults-2m: every journey survives its database being cut off, and killed', async () => {
    await up('--system', 'kalcifer');
    const run = await judgedRun(['database-faults-2m', '--on', 'bare']);
    const verdictOf = (name: string) => run.verdicts.find(({ check }) => check === name)?.verdict;
    for (const check of ['faults-proven', 'journeys-accounted', 'no-acknowledged-write-lost'])
      expect(verdictOf(check), red(run).join('\n')).toBe('pass');
  });
});
