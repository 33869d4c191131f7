/** A flow's graph: the rules it must keep to be activated, and the way through it. Pure. */
import { z } from 'zod';

const id = z.string().min(1).max(100);
export const Graph = z.object({
  nodes: z
    .array(z.object({ id, type: z.string().max(50), config: z.record(z.string(), z.unknown()).default({}) }))
    .max(500),
  edges: z.array(z.object({ source: id, target: id, branch: z.string().max(100).optional() })).max(2_000),
});
export type Graph = z.infer<typeof Graph>;
type GraphNode = Graph['nodes'][number];

const ENTRIES = ['event_entry', 'segment_entry', 'webhook_entry'];
/** What the reference can walk; the rest of the node types (channels, conditions, splits) it refuses to activate. */
const PLAYED = [...ENTRIES, 'wait_for_event', 'exit'];
const BRANCHES: Record<string, readonly string[]> = { wait_for_event: ['event_received', 'timed_out'] };
const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds of `30s`, `5m`, `2h`, `7d`, `1w`; null for anything else. */
export function durationMs(text: unknown): number | null {
  const [, count, unit = ''] = typeof text === 'string' ? (/^(\d{1,9})([smhdw])$/.exec(text) ?? []) : [];
  return count === undefined ? null : Number(count) * (UNIT_MS[unit] ?? 0);
}

/** Everything that is wrong with the graph; empty = it may be activated. */
export function graphErrors({ nodes, edges }: Graph): string[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const errors: string[] = [];
  if (byId.size < nodes.length) errors.push('two nodes have the same id');
  if (!nodes.some(({ type }) => ENTRIES.includes(type))) errors.push('no entry node');
  for (const { source, target } of edges)
    for (const end of [source, target])
      if (!byId.has(end)) errors.push(`an edge ends at unknown node "${end}"`);
  for (const node of nodes) errors.push(...nodeErrors(node, edges));
  const seen = reachable(nodes, edges);
  for (const node of nodes) if (!seen.has(node.id)) errors.push(`no way leads to node "${node.id}"`);
  if (hasCycle(nodes, edges)) errors.push('the graph has a cycle');
  return errors;
}

function nodeErrors({ id: name, type, config }: GraphNode, edges: Graph['edges']): string[] {
  if (!PLAYED.includes(type)) return [`node "${name}": type "${type}" is not played by the reference system`];
  const out = edges.filter(({ source }) => source === name);
  if (type === 'exit') return out.length === 0 ? [] : [`node "${name}": nothing may follow an exit`];
  const wanted: readonly (string | undefined)[] = BRANCHES[type] ?? [undefined];
  const wired = out.map(({ branch }) => branch);
  const errors = wanted
    .filter((branch) => wired.filter((given) => given === branch).length !== 1)
    .map(
      (branch) =>
        `node "${name}": needs exactly one edge${branch === undefined ? '' : ` for branch "${branch}"`}`,
    );
  if (wired.length > wanted.length) errors.push(`node "${name}": more edges than branches`);
  if (type === 'wait_for_event') {
    if (typeof config['event_type'] !== 'string') errors.push(`node "${name}": event_type is missing`);
    if (durationMs(config['timeout']) === null)
      errors.push(`node "${name}": timeout must be like 30s, 5m, 2h, 7d or 1w`);
  }
  return errors;
}

function reachable(nodes: Graph['nodes'], edges: Graph['edges']): Set<string> {
  const seen = new Set(nodes.filter(({ type }) => ENTRIES.includes(type)).map((node) => node.id));
  for (const here of seen) for (const { source, target } of edges) if (source === here) seen.add(target);
  return seen;
}

/** What is left when nodes without a way in are taken away again and again is a cycle. */
function hasCycle(nodes: Graph['nodes'], edges: Graph['edges']): boolean {
  const left = new Set(nodes.map((node) => node.id));
  for (let before = -1; before !== left.size;) {
    before = left.size;
    for (const name of left)
      if (!edges.some(({ source, target }) => target === name && left.has(source))) left.delete(name);
  }
  return left.size > 0;
}

/** One row of a journey's history. */
export interface Step {
  nodeId: string;
  nodeType: string;
  status: 'started' | 'completed';
}

/** Where a journey is after it has moved. `waitsFor` null = it has come to its end. */
export interface Position {
  steps: Step[];
  nodeId: string;
  waitsFor: { eventType: string; timeoutMs: number } | null;
}

/** From the entry to the first node that waits, or to the end. The graph has passed `graphErrors`. */
export function enter(graph: Graph): Position {
  return walk(graph, graph.nodes.find(({ type }) => ENTRIES.includes(type))?.id ?? '', []);
}

/** From a node that waits on along one of its branches. */
export function leave(graph: Graph, nodeId: string, branch: 'event_received' | 'timed_out'): Position {
  const edge = graph.edges.find(({ source, branch: named }) => source === nodeId && named === branch);
  return walk(graph, edge?.target ?? '', [{ nodeId, nodeType: 'wait_for_event', status: 'completed' }]);
}

function walk(graph: Graph, from: string, steps: Step[]): Position {
  let node = graph.nodes.find((candidate) => candidate.id === from);
  for (; node !== undefined;) {
    const { id: nodeId, type: nodeType, config } = node;
    if (nodeType === 'wait_for_event') {
      steps.push({ nodeId, nodeType, status: 'started' });
      const waitsFor = {
        eventType: String(config['event_type']),
        timeoutMs: durationMs(config['timeout']) ?? 0,
      };
      return { steps, nodeId, waitsFor };
    }
    steps.push({ nodeId, nodeType, status: 'completed' });
    if (nodeType === 'exit') return { steps, nodeId, waitsFor: null };
    const next = graph.edges.find(({ source }) => source === nodeId)?.target;
    node = graph.nodes.find((candidate) => candidate.id === next);
  }
  throw new Error(`the graph has no node "${from}"`);
}
