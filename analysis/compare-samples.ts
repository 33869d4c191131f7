/** What a run offers a comparison: its judged load outside fault windows, in blocks of seconds that stand for one another. */
import { scanLedger } from './ledger-scan.ts';
import { binAt, scheduled, type Timeline } from './timeline.ts';
import { binsIn, type Ledger, type RunView } from './view.ts';

/** Seconds of a block, at least: what one second did is still felt in the next ones, and hardly after five. */
export const BLOCK_SECONDS = 5;
/** A longer run gets longer blocks, not more: resampling costs the same for an hour as for five minutes. */
const MAX_BLOCKS = 60;

export interface Block {
  lengthS: number;
  /** Arrivals that the schedule asked for, and those acknowledged. */
  asked: number;
  served: number;
  /** Acknowledged writes by their latency from the intended start, whole milliseconds. */
  latencies: Map<number, number>;
}

/** In the order of time; empty where there is no judged load. Only seconds in which every runner of the load was there. */
export function blocksOf(view: RunView): Block[] {
  const { judged, timeline } = view;
  if (!judged || !timeline) return [];
  const bins = binsIn(view).filter(({ fromMs, toMs }) =>
    judged.runners.every((runner) => fromMs >= runner.fromMs && toMs <= runner.toMs),
  );
  const perBlock = Math.max(BLOCK_SECONDS, Math.ceil(bins.length / MAX_BLOCKS));
  const blocks: Block[] = [];
  const blockOfBin = new Map<number, Block>();
  for (const [index, bin] of bins.entries()) {
    const last = blocks.at(-1);
    const fresh = index % perBlock === 0 || last === undefined;
    const block = fresh ? { lengthS: 0, asked: 0, served: 0, latencies: new Map() } : last;
    if (fresh) blocks.push(block);
    block.lengthS += (bin.toMs - bin.fromMs) / 1_000;
    block.asked += scheduled(bin);
    block.served += bin.served;
    blockOfBin.set(binAt(timeline, bin.fromMs), block);
  }
  for (const ledger of view.ledgers) addLatencies(ledger, timeline, blockOfBin);
  return blocks;
}

function addLatencies(
  { file, load, schedule }: Ledger,
  timeline: Timeline,
  blocks: Map<number, Block>,
): void {
  if (!load || !schedule) return;
  scanLedger(file.chunks(), ({ outcome, dueMs, lagMs, latMs }) => {
    if (outcome !== 'A') return;
    const shiftMs = schedule.shiftMs(dueMs + lagMs);
    const latencies = blocks.get(binAt(timeline, load.anchorMs + dueMs + shiftMs))?.latencies;
    const ms = Math.max(0, Math.round(latMs - shiftMs));
    latencies?.set(ms, (latencies.get(ms) ?? 0) + 1);
  });
}
