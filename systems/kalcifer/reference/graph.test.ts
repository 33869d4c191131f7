import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationMs, enter, Graph, graphErrors, leave } from './graph.ts';

const wait = (id: string) => ({ id, type: 'wait_for_event', config: { event_type: 'go', timeout: '1h' } });
const GOOD = {
  nodes: [{ id: 'in', type: 'event_entry' }, wait('w'), { id: 'out', type: 'exit' }],
  edges: [
    { source: 'in', target: 'w' },
    { source: 'w', target: 'out', branch: 'event_received' },
    { source: 'w', target: 'out', branch: 'timed_out' },
  ],
};
const errorsOf = (graph: unknown) => graphErrors(Graph.parse(graph));

describe('graphErrors', () => {
  it('finds nothing in a good graph', () => {
    expect(errorsOf(GOOD)).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['no entry', { nodes: GOOD.nodes.slice(1), edges: GOOD.edges.slice(1) }, 'no entry node'],
    ['an unknown end', { ...GOOD, edges: [...GOOD.edges, { source: 'w', target: 'x' }] }, 'unknown node "x"'],
    ['an unwired branch', { ...GOOD, edges: GOOD.edges.slice(0, 2) }, '"timed_out"'],
    ['an orphan', { ...GOOD, nodes: [...GOOD.nodes, { id: 'o', type: 'exit' }] }, 'no way leads to node "o"'],
    ['two of one name', { ...GOOD, nodes: [...GOOD.nodes, wait('w')] }, 'the same id'],
    [
      'a cycle',
      { ...GOOD, edges: [...GOOD.edges.slice(0, 2), { source: 'w', target: 'w', branch: 'timed_out' }] },
      'cycle',
    ],
    [
      'a type that is not played',
      { ...GOOD, nodes: [...GOOD.nodes, { id: 'm', type: 'send_email' }] },
      '"send_email"',
    ],
    [
      'something after an exit',
      { ...GOOD, edges: [...GOOD.edges, { source: 'out', target: 'w' }] },
      'follow an exit',
    ],
    [
      'a bad timeout',
      { ...GOOD, nodes: [GOOD.nodes[0], { ...wait('w'), config: { event_type: 'go' } }, GOOD.nodes[2]] },
      'timeout',
    ],
  ])('finds %s', (_, graph, error) => {
    expect(errorsOf(graph).join('; ')).toContain(error);
  });
});

it('walks every chain of waits to its end, one wait at a time', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20 }), fc.infiniteStream(fc.boolean()), (count, choices) => {
      const names = Array.from({ length: count }, (_, index) => `w${index}`);
      const chain = [...names, 'out'];
      const graph = Graph.parse({
        nodes: [{ id: 'in', type: 'webhook_entry' }, ...names.map(wait), { id: 'out', type: 'exit' }],
        edges: [
          { source: 'in', target: chain[0] },
          ...names.flatMap((name, index) =>
            ['event_received', 'timed_out'].map((branch) => ({
              source: name,
              target: chain[index + 1],
              branch,
            })),
          ),
        ],
      });
      expect(graphErrors(graph)).toEqual([]);
      let at = enter(graph);
      const steps = [...at.steps];
      for (const name of names) {
        expect(at).toMatchObject({ nodeId: name, waitsFor: { eventType: 'go', timeoutMs: 3_600_000 } });
        at = leave(graph, name, choices.next().value === true ? 'event_received' : 'timed_out');
        steps.push(...at.steps);
      }
      expect(at).toMatchObject({ nodeId: 'out', waitsFor: null });
      expect(steps).toHaveLength(2 + 2 * count);
    }),
    { seed: 1, numRuns: 50 },
  );
});

it.each([
  ['30s', 30_000],
  ['2d', 172_800_000],
  ['1w', 604_800_000],
  ['1y', null],
  ['', null],
  [5, null],
])('reads the duration %j', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});
