/** The scenario's own queries, asked over the whole watch; answers go whole into evidence/, and as far as an event holds them into the history. */
import { reasonOf } from '../../record/reason.ts';
import type { NewEvent } from '../../record/writer.ts';
import type { PrometheusApi } from '../prometheus-api.ts';
import type { WallClock } from './clock.ts';
import { queryLong } from './samples.ts';

/** Of a series: a longer run is asked in longer steps. */
const MAX_POINTS = 1_000;
/** An event has its size (record/writer.ts). */
const MAX_CHARS = 60_000;

interface Asked {
  api: PrometheusApi | null;
  clock: WallClock;
  /** On the run's clock. */
  fromMs: number;
  toMs: number;
  scrapeIntervalMs: number;
  /** Saves a file under evidence/ under that name. */
  save: (fileName: string, content: string) => void;
}

/** Never rejects: what has no answer says so. */
export async function askQuery(query: string, expr: string, asked: Asked): Promise<NewEvent> {
  const { api, clock, fromMs, toMs, scrapeIntervalMs, save } = asked;
  const stepMs = scrapeIntervalMs * Math.max(1, Math.ceil((toMs - fromMs) / scrapeIntervalMs / MAX_POINTS));
  const fileName = `query-${query}.json`;
  const about = {
    kind: 'query.result' as const,
    query,
    expr,
    file: `evidence/${fileName}`,
    fromMs,
    toMs,
    stepMs,
  };
  try {
    if (api === null) throw new Error('Prometheus was gone when it was to be asked');
    const range = { fromMs: clock.toWallMs(fromMs), toMs: clock.toWallMs(toMs), stepMs };
    const series = await queryLong(api, expr, range);
    save(fileName, JSON.stringify({ expr, ...range, series }));
    const told = series.map(({ labels, value }) => ({
      labels,
      values: value.map(([wallMs, text]): [number, string] => [Math.round(clock.toRunMs(wallMs)), text]),
    }));
    const sizeChars = JSON.stringify(told).length;
    if (sizeChars > MAX_CHARS)
      throw new Error(
        `its answer of ${series.length} series is ${sizeChars} characters, and ${MAX_CHARS} can be kept: aggregate it`,
      );
    return { ...about, error: '', series: told };
  } catch (error) {
    return { ...about, error: reasonOf(error), series: [] };
  }
}
