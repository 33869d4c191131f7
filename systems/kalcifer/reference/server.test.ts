/** The reference system as processes over a real PostgreSQL: what it promises, and what each defect breaks. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../../platforms/local/ports.ts';
import { startPostgres } from '../../../platforms/local/postgres.ts';
import { contract } from '../contract.ts';
import { ask, Lab, type Pod, until } from './fixture.ts';

const lab = new Lab({ startPostgres, freePort });
beforeAll(() => lab.open(), 60_000);
afterAll(() => lab.close());
beforeEach(() => lab.begin());
afterEach(() => lab.end());

const two = (env: Record<string, string> = {}): Promise<[Pod, Pod]> =>
  Promise.all([lab.serve('pod-a', env), lab.serve('pod-b', env)]);
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const ids = (runner: string, of: readonly number[]) => of.map((n) => `${runner}/1:${n}`).toSorted();

describe('the contract', () => {
  it('asks for a key, and leads a flow from draft to archive', async () => {
    const pod = await lab.serve('pod-a');
    expect((await ask(pod, '/health')).status).toBe(200);
    expect((await ask(pod, '/health/startup')).status).toBe(200);
    expect((await ask(pod, '/api/v1/flows', { name: 'x' }, 'wrong-key')).body).toEqual({
      error: 'invalid_api_key',
    });
    const made = await ask(pod, '/api/v1/flows', { name: 'x' });
    expect(made).toMatchObject({ status: 201, body: { data: { status: 'draft', active_version_id: null } } });
    const { id } = made.body['data'] as { id: string };
    const of = (what: string, payload: unknown = {}) => ask(pod, `/api/v1/flows/${id}/${what}`, payload);
    expect(await of('activate')).toMatchObject({ status: 422, body: { errors: ['no_draft_version'] } });
    expect(await of('versions', { graph: 7 })).toMatchObject({ status: 422 });
    await of('versions', { graph: { nodes: [{ id: 'a', type: 'exit' }], edges: [] } });
    expect(await of('activate')).toMatchObject({
      status: 422,
      body: { errors: expect.arrayContaining(['no entry node']) },
    });
    expect(await of('trigger', { customer_id: 'c' })).toMatchObject({
      status: 422,
      body: { error: 'flow_not_active' },
    });
    expect(await of('pause')).toMatchObject({ status: 422 });
    expect(await ask(pod, '/api/v1/flows/none/trigger', { customer_id: 'c' })).toMatchObject({ status: 404 });
    const flow = await lab.flow(pod);
    expect(await ask(pod, `/api/v1/flows/${flow}/trigger`, {})).toMatchObject({ status: 400 });
    expect((await lab.trigger(pod, flow, 1)).status).toBe(201);
    expect(await lab.trigger(pod, flow, 1)).toMatchObject({
      status: 409,
      body: { error: 'already_in_flow' },
    });
    await ask(pod, `/api/v1/flows/${flow}/archive`, {});
    expect((await lab.trigger(pod, flow, 2)).status).toBe(422);
  });

  it('sees a flow that was paused through another pod', async () => {
    const [a, b] = await two();
    const flow = await lab.flow(a);
    expect((await lab.trigger(b, flow, 1)).status).toBe(201); // from now on b remembers it as active
    await ask(a, `/api/v1/flows/${flow}/pause`, {});
    expect((await lab.trigger(b, flow, 2)).status).toBe(422);
  });

  it('moves a journey by an event through any pod, once', async () => {
    const [a, b] = await two();
    const flow = await lab.flow(a);
    const started = await lab.trigger(a, flow, 1);
    expect(started.status).toBe(201);
    const route = `/api/v1/instances/${String(started.body['instance_id'])}`;
    expect(await ask(b, route)).toMatchObject({
      body: { data: { status: 'waiting', current_nodes: ['wait'] } },
    });
    const many = await Promise.all(numbers(100).map((n) => lab.event(n % 2 === 0 ? a : b, 1)));
    expect(many.every(({ status }) => status === 202)).toBe(true);
    expect(many.reduce((sum, { body }) => sum + Number(body['routed']), 0)).toBe(1);
    const after = await ask(a, route);
    expect(after.body).toMatchObject({ data: { status: 'completed', version_number: 1 } });
    expect(
      (after.body['steps'] as { node_id: string; status: string }[]).map(
        (step) => `${step.node_id} ${step.status}`,
      ),
    ).toEqual(['entry completed', 'wait started', 'wait completed', 'exit completed']);
    expect((await ask(a, `${route}/timeline`)).body['steps']).toHaveLength(4);
    expect((await ask(a, `${route}/cancel`, {})).status).toBe(409);
    expect((await ask(a, '/api/v1/instances/none')).status).toBe(404);
    expect(await lab.states()).toEqual({ completed: ['before/1:1'], moved: ['load/1:1'] });
  });

  it('starts one journey for a customer who is triggered through two pods at once', async () => {
    const [a, b] = await two();
    const flow = await lab.flow(a);
    const answers = await Promise.all(
      numbers(60).flatMap((n) => [lab.trigger(a, flow, n), lab.trigger(b, flow, n)]),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(60);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(60);
    expect((await lab.states())['waiting']).toHaveLength(60);
  });

  it('lets each timeout fire once, whichever pod finds it', async () => {
    const [a] = await two();
    const flow = await lab.flow(a, '1s');
    await Promise.all(numbers(300).map((n) => lab.trigger(a, flow, n)));
    await until(async () => (await lab.states())['timed-out']?.length === 300);
    expect(Object.keys(await lab.states())).toEqual(['timed-out']);
    expect((await ask(a, '/metrics')).body['text']).toContain('kalcifer_active_journey_instances 0');
  });

  it('tells cancelled journeys, and counts live ones', async () => {
    const pod = await lab.serve('pod-a');
    const flow = await lab.flow(pod);
    const { body } = await lab.trigger(pod, flow, 1);
    await lab.trigger(pod, flow, 2);
    expect((await ask(pod, `/api/v1/instances/${String(body['instance_id'])}/cancel`, {})).status).toBe(200);
    expect(await lab.states()).toEqual({ cancelled: ['before/1:1'], waiting: ['before/1:2'] });
    expect((await ask(pod, `/api/v1/flows/${flow}/instances?status=waiting`)).body['data']).toHaveLength(1);
    const target = { url: pod.url, runId: 'run', secrets: { 'api-key': 'test-key-of-the-tenant' } };
    expect(await contract.countPoints(target)).toBe(1);
    expect(
      await contract.probeWrite({ ...target, id: { runner: 'probe', vu: 1, n: 1 }, timeoutMs: 2_000 }),
    ).toMatchObject({ serves: true, outcome: 'A' });
    expect((await lab.states())['waiting']).toEqual(['before/1:2', 'probe/1:1']);
  });

  it('loses nothing that was acknowledged, by kill -9 or by a stop', async () => {
    const [a, b] = await two();
    const flow = await lab.flow(a);
    const acked: number[] = [];
    const one = async (pod: Pod, n: number) => {
      const said = await lab.trigger(pod, flow, n).catch(() => null);
      if (said?.status === 201) acked.push(n);
    };
    const all = Promise.all([
      ...numbers(200).map((n) => one(a, n)),
      ...numbers(200).map((n) => one(b, 200 + n)),
    ]);
    await until(() => acked.length > 50);
    a.child.kill('SIGKILL');
    b.child.kill('SIGTERM');
    await all;
    expect(await b.exited).toBe(0);
    expect(acked.length).toBeGreaterThan(50);
    const waiting = new Set((await lab.states())['waiting']);
    expect(acked.filter((n) => !waiting.has(`before/1:${n}`))).toEqual([]);
  });

  it('after the drain hook goes on serving, and sends its clients elsewhere', async () => {
    const pod = await lab.serve('pod-a');
    const flow = await lab.flow(pod);
    await ask(pod, '/health/drain');
    expect(await lab.trigger(pod, flow, 1)).toMatchObject({ status: 201, closes: true });
    expect((await ask(pod, '/health/ready')).status).toBe(200);
  });
});

describe('a defect breaks what it says, and its truth log tells exactly whom', () => {
  it('recovery-fails-others', async () => {
    const env = { PROOFLOAD_DEFECT: 'recovery-fails-others' };
    const a = await lab.serve('pod-a', env);
    const flow = await lab.flow(a);
    await Promise.all(numbers(20).map((n) => lab.trigger(a, flow, n)));
    await lab.serve('pod-b', env);
    expect((await lab.states())['failed-by-recovery']?.toSorted()).toEqual(ids('before', numbers(20)));
    expect(lab.truth()).toEqual(ids('before', numbers(20)));
  });

  it('events-local-only', async () => {
    const [a, b] = await two({ PROOFLOAD_DEFECT: 'events-local-only' });
    const flow = await lab.flow(a);
    await Promise.all(numbers(20).map((n) => lab.trigger(a, flow, n)));
    const answers = await Promise.all(numbers(20).map((n) => lab.event(n <= 12 ? b : a, n)));
    expect(answers.every(({ body }) => body['routed'] === 1)).toBe(true);
    expect((await lab.states())['moved']).toHaveLength(8);
    expect(lab.truth()).toEqual(ids('load', numbers(12)));
  });

  it('non-unique-guard', async () => {
    const [a, b] = await two({ PROOFLOAD_DEFECT: 'non-unique-guard' });
    const flow = await lab.flow(a);
    // Two that ask at once need not meet between question and answer: until some have.
    let twice: string[] = [];
    for (let from = 0; twice.length === 0 && from < 1_000; from += 20) {
      const asked = numbers(20).map((n) => from + n);
      await Promise.all(asked.flatMap((n) => [lab.trigger(a, flow, n), lab.trigger(b, flow, n)]));
      twice = (await lab.states())['started-twice']?.toSorted() ?? [];
    }
    expect(twice.length).toBeGreaterThan(0);
    expect(lab.truth()).toEqual(twice);
  });

  it('ack-before-commit', async () => {
    const pod = await lab.serve('pod-a', { PROOFLOAD_DEFECT: 'ack-before-commit' });
    const flow = await lab.flow(pod);
    await lab.trigger(pod, flow, 1);
    await until(() => lab.truth('.kept').length === 1);
    expect((await lab.trigger(pod, flow, 2)).status).toBe(201);
    pod.child.kill('SIGKILL');
    await pod.exited;
    expect(await lab.states()).toEqual({ waiting: ['before/1:1'] });
    expect(lab.truth()).toEqual(['before/1:1', 'before/1:2']);
  });

  it('drop-on-sigterm', async () => {
    const pod = await lab.serve('pod-a', {
      PROOFLOAD_DEFECT: 'drop-on-sigterm',
      KALCIFER_SHUTDOWN_TIMEOUT_MS: '2000',
    });
    const flow = await lab.flow(pod);
    await lab.trigger(pod, flow, 1);
    pod.child.kill('SIGTERM');
    await until(async () => (await ask(pod, '/health')).closes);
    expect((await lab.trigger(pod, flow, 2)).status).toBe(201);
    expect(await lab.event(pod, 1)).toMatchObject({ status: 202, body: { routed: 1 } });
    expect(await pod.exited).toBe(0);
    expect(await lab.states()).toEqual({ waiting: ['before/1:1'] });
    expect(lab.truth()).toEqual(['before/1:2', 'load/1:1']);
  });
});
