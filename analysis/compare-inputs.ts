/** What two runs were given: every difference, and which of them keep figures from being held against each other. */
import { eventsOf } from './load-view.ts';
import type { RunView } from './view.ts';

export interface InputDifference {
  /** Path in plan.json, or what the run itself recorded. */
  input: string;
  /** Null = that run has none. */
  a: string | null;
  b: string | null;
  /** Another load, machine or platform: latency and throughput of the two say nothing about each other. */
  ofFigures: boolean;
}

/** What is different in every two runs, or follows from the rest (the faults' times: from scenario, seed and manifests), and words. */
const NO_INPUT = /^(schemaVersion|runId|faults|scenario\.question)\b/;
/** Figures are compared under one load on one kind of machine only: Akinshin 2023 on builds from different agents. */
const OF_FIGURES =
  /^(scenario\.(system|load|autoscale|calibrate)\b|platform|runners|machine\.(cpus|cpuModel)|judged rate)/;
/** A longer run is the same load, for longer; a warm-up is not judged. */
const LENGTHS = /^scenario\.load\.(forMs|warmupMs)$/;

export function inputDifferences(a: RunView, b: RunView): InputDifference[] {
  const [before, after] = [inputsOf(a), inputsOf(b)];
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names
    .filter((input) => before.get(input) !== after.get(input))
    .map((input) => ({
      input,
      a: before.get(input) ?? null,
      b: after.get(input) ?? null,
      ofFigures: OF_FIGURES.test(input) && !LENGTHS.test(input),
    }))
    .toSorted((x, y) => Number(y.ofFigures) - Number(x.ofFigures));
}

function inputsOf({ plan, judged, events }: RunView): Map<string, string> {
  const inputs = new Map<string, string>();
  for (const [name, value] of Object.entries(plan)) collect(inputs, name, value);
  if (judged) inputs.set('judged rate', `${judged.ratePerS} writes/s`);
  const controller = eventsOf(events, 'hpa.controller').at(-1);
  if (controller) {
    inputs.set('hpa.controller.version', controller.version);
    collect(inputs, 'hpa.controller', controller.parameters);
  }
  return inputs;
}

/** Every leaf by its path. */
function collect(into: Map<string, string>, path: string, value: unknown): void {
  if (typeof value === 'object' && value !== null)
    for (const [name, part] of Object.entries(value)) collect(into, `${path}.${name}`, part);
  else if (value !== undefined && !NO_INPUT.test(path))
    into.set(path, typeof value === 'string' ? value : JSON.stringify(value));
}
