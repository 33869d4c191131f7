/** One side of what a fault cost: figures for machines, and the same in words with bounds and resolutions. */
import type { VerdictFile } from '../../record/model.ts';

export type Figure = VerdictFile['figures'][number];

export interface Part {
  figures: Figure[];
  words: string[];
}

/** A time in ms as a figure in seconds. */
export function secondsFigure(name: string, ms: number | null): Figure {
  return { name, value: ms === null ? null : ms / 1_000, unit: 's' };
}
