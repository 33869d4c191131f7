/** Each defect breaks what its name says, seen from outside, and nothing else. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../platforms/local/ports.ts';
import { startPostgres } from '../../../platforms/local/postgres.ts';
import { contract } from '../contract.ts';
import { DEFECTS } from './defects.ts';
import { health, Lab, post, SECRET, until } from './fixture.ts';

const lab = new Lab({ startStore: startPostgres, freePort });
beforeAll(() => lab.open(), 60_000);
afterAll(() => lab.close());
afterEach(() => lab.clear());

describe('defects', () => {
  it('ack-before-store loses what it acknowledged when it is killed', async () => {
    const pod = await lab.ready({ PROOFLOAD_DEFECT: 'ack-before-store' });
    expect((await post(pod, lab.batch(1))).status).toBe(200);
    pod.child.kill('SIGKILL');
    await pod.exited;
    expect(await lab.missing(['1:1'])).toEqual(['1:1']);
  });

  it('ack-before-store loses nothing by SIGTERM or by a cut', async () => {
    const store = await lab.way();
    const pod = await lab.ready({ PROOFLOAD_DEFECT: 'ack-before-store' }, store.port);
    store.cut(true);
    expect((await post(pod, lab.batch(1))).status).toBe(200);
    await until(async () => (await health(pod)) === 503);
    expect((await post(pod, lab.batch(2))).status).toBe(503);
    store.cut(false);
    await until(async () => (await health(pod)) === 200);
    expect((await post(pod, lab.batch(3))).status).toBe(200);
    pod.child.kill('SIGTERM');
    expect(await pod.exited).toBe(0);
    expect(await lab.missing(['1:1', '1:3'])).toEqual([]);
  });

  it('drop-on-sigterm answers 200 to the last and stores nothing of it', async () => {
    const pod = await lab.ready({ PROOFLOAD_DEFECT: 'drop-on-sigterm' });
    const agent = lab.client(10);
    expect(await post(pod, lab.batch(1), { agent })).toMatchObject({ status: 200, closes: false });
    pod.child.kill('SIGTERM');
    await until(() => pod.output().includes('SIGTERM received'));
    expect(await post(pod, lab.batch(2), { agent })).toMatchObject({ status: 200, closes: true });
    expect(await pod.exited).toBe(0);
    expect(await lab.missing(['1:1', '1:2'])).toEqual(['1:2']);
  });

  it('ignore-sigterm goes on until it is killed', async () => {
    const pod = await lab.ready({ PROOFLOAD_DEFECT: 'ignore-sigterm' });
    pod.child.kill('SIGTERM');
    await until(() => pod.output().includes('SIGTERM received'));
    expect(await post(pod, lab.batch(1))).toMatchObject({ status: 200, closes: false });
    pod.child.kill('SIGKILL');
    expect(await pod.exited).toBe('SIGKILL');
    expect(await lab.missing(['1:1'])).toEqual([]);
  });

  it('ready-without-store is healthy without its store, and only says so', async () => {
    const store = await lab.way();
    const pod = await lab.ready({ PROOFLOAD_DEFECT: 'ready-without-store' }, store.port);
    store.cut(true);
    expect((await post(pod, lab.batch(1))).status).toBe(503);
    expect(await health(pod)).toBe(200);
  });

  it('error-after-store answers one write in a thousand 500, and its retry is stored twice', async () => {
    const pod = await lab.ready({ PROOFLOAD_DEFECT: 'error-after-store' });
    const agent = lab.client(10);
    const failed: number[] = [];
    for (let n = 1; n <= 1_000; n += 50) {
      const group = Array.from({ length: 50 }, (_, i) => n + i);
      await Promise.all(
        group.map(async (one) => {
          if ((await post(pod, lab.batch(one), { agent })).status === 500) failed.push(one);
        }),
      );
    }
    expect(failed).toHaveLength(1);
    const again = failed[0] ?? 0;
    expect((await post(pod, lab.batch(again), { agent })).status).toBe(200);
    const ranges = await lab.stored();
    expect(ranges.filter(({ copies }) => copies !== 1)).toEqual([
      { runner: 'main', vu: 1, from: again, to: again, copies: 2 },
    ]);
    const secrets = { 'jwt-secret': SECRET };
    expect(await contract.countPoints({ url: pod.url, runId: lab.runId, secrets })).toBe(2_000);
  });

  const SIGTERM = 'SIGTERM received';

  it('closes-listener-at-once serves those who are connected and refuses everybody else', async () => {
    const pod = await lab.ready({ PROOFLOAD_DEFECT: 'closes-listener-at-once' });
    const agent = lab.client(1);
    expect(await post(pod, lab.batch(1), { agent })).toMatchObject({ status: 200, closes: false });
    pod.child.kill('SIGTERM');
    await until(() => pod.output().includes(SIGTERM));
    expect(await health(pod)).toBe(0);
    expect(await post(pod, lab.batch(2), { agent })).toMatchObject({ status: 200, closes: true });
    expect(await pod.exited).toBe(0);
  });

  it('exits-on-sigterm cuts what it is answering', async () => {
    const store = await lab.way();
    const pod = await lab.ready({ PROOFLOAD_DEFECT: 'exits-on-sigterm' }, store.port);
    store.cut(true);
    const cut = post(pod, lab.batch(1)).catch(() => 'cut');
    // A second request on a connection of its own: answered, so the first has arrived.
    await health(pod);
    pod.child.kill('SIGTERM');
    expect(await cut).toBe('cut');
    expect(await pod.exited).toBe(0);
  });

  it('ready-too-early is healthy and refuses writes', async () => {
    const pod = await lab.ready({ PROOFLOAD_DEFECT: 'ready-too-early' });
    expect(await post(pod, lab.batch(1))).toMatchObject({ status: 503 });
    expect(await health(pod)).toBe(200);
  });

  it('never-closes-keep-alive tells nobody to go, and then goes', async () => {
    const pod = await lab.ready({
      PROOFLOAD_DEFECT: 'never-closes-keep-alive',
      LUMINATE_SHUTDOWN_TIMEOUT_MS: '300',
    });
    const agent = lab.client(1);
    await post(pod, lab.batch(1), { agent });
    pod.child.kill('SIGTERM');
    await until(() => pod.output().includes(SIGTERM));
    const answers: unknown[] = [];
    for (let n = 2; answers.at(-1) !== 'cut'; n += 1)
      answers.push(await post(pod, lab.batch(n), { agent }).catch(() => 'cut'));
    expect(answers[0]).toMatchObject({ status: 200, closes: false });
    expect(await pod.exited).toBe(0);
  });

  it('none by an unknown name', async () => {
    const pod = await lab.serve({ PROOFLOAD_DEFECT: 'ack-after-store' });
    expect(await pod.exited).toBe(2);
    expect(pod.output()).toContain(Object.keys(DEFECTS).join(', '));
  });
});
