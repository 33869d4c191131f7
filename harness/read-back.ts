/**
 * Asks the system's store for everything it holds of this run and saves it beside the ledger. What cannot be read whole is
 * recorded as incomplete: a missing answer is never taken for a missing write.
 */
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import type { Platform } from '../platforms/platform.ts';
import type { Contract } from '../record/contract.ts';
import type { RunWriter } from '../record/writer.ts';
import { pause } from './disturb.ts';

/** The system gets this long to finish what it accepted before the last answer, milliseconds. */
const SETTLE_WITHIN_MS = 20_000;
const ATTEMPTS = 3;

export interface ReadBackOptions {
  platform: Platform;
  contract: Contract;
  writer: RunWriter;
  runId: string;
  nowMs: () => number;
}

/** Never throws; the outcome is the `readback` event. */
export async function readBack(options: ReadBackOptions): Promise<void> {
  const { writer, nowMs } = options;
  await settle(options);
  let why = '';
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const fromMs = nowMs();
    try {
      const { runners, points } = await save(options);
      writer.emit({
        kind: 'readback',
        fromMs,
        toMs: nowMs(),
        complete: true,
        why: `attempt ${attempt}`,
        runners,
      });
      writer.emit({ kind: 'note', text: `the store holds ${points} writes of this run` });
      return;
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
      await pause(1_000, AbortSignal.timeout(5_000));
    }
  }
  writer.emit({ kind: 'readback', fromMs: nowMs(), toMs: nowMs(), complete: false, why, runners: [] });
}

/** Waits until the system's own count stands still for two looks: what is on its way is late, not lost. */
async function settle({ platform, contract, writer, runId, nowMs }: ReadBackOptions): Promise<void> {
  const untilMs = nowMs() + SETTLE_WITHIN_MS;
  const query = { url: platform.loadUrl(), runId, secrets: platform.secrets() };
  let before: number | null = null;
  while (nowMs() < untilMs) {
    const now = await contract.countPoints(query).catch(() => null);
    if (now !== null && now === before) {
      writer.emit({ kind: 'note', text: `the system's own query counts ${now} points of this run` });
      return;
    }
    before = now;
    await pause(1_000, AbortSignal.timeout(5_000));
  }
  writer.emit({
    kind: 'note',
    text: `the system's own count did not come to rest within ${SETTLE_WITHIN_MS / 1_000} s`,
  });
}

async function save({
  platform,
  contract,
  writer,
  runId,
}: ReadBackOptions): Promise<{ runners: string[]; points: number }> {
  const files = new Map<string, ReturnType<typeof createWriteStream>>();
  let points = 0;
  try {
    for await (const range of contract.readBack({ storeEnv: platform.storeEnv(), runId })) {
      // The runner's name came back from the system under test: it must not choose where a file is written.
      const runner = /^[a-z0-9-]{1,64}$/.test(range.runner) ? range.runner : 'foreign';
      const file =
        files.get(runner) ?? createWriteStream(path.join(writer.dir, 'ledger', `${runner}.stored`));
      files.set(runner, file);
      points += (range.to - range.from + 1) * range.copies;
      const copies = range.copies === 1 ? '' : ` x${range.copies}`;
      if (!file.write(`${range.vu}:${range.from}-${range.to}${copies}\n`)) await once(file, 'drain');
    }
  } finally {
    await Promise.all(
      [...files.values()].map(
        (file) =>
          new Promise<void>((resolve, reject) => {
            file.on('error', reject);
            file.end(() => resolve());
          }),
      ),
    );
  }
  return { runners: await markComplete(files, writer.dir), points };
}

/** The last line of a whole answer; a file without it was cut short. */
async function markComplete(files: Map<string, unknown>, dir: string): Promise<string[]> {
  const { appendFile } = await import('node:fs/promises');
  for (const runner of files.keys()) await appendFile(path.join(dir, 'ledger', `${runner}.stored`), 'end\n');
  return [...files.keys()];
}
