/**
 * Asks the system's store for everything it holds of this run and saves it beside the ledger. What cannot be read whole is
 * recorded as incomplete: a missing answer is never taken for a missing write.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { reasonOf } from '../record/reason.ts';
import { pause } from './pause.ts';
import type { Session } from './session.ts';

/** The system gets this long to finish what it accepted before the last answer, milliseconds. */
const SETTLE_WITHIN_MS = 20_000;
const ATTEMPTS = 3;
const FLUSH_CHARS = 64 * 1024;

/** Never throws; the outcome is the `readback` event. */
export async function readBack(session: Session): Promise<void> {
  const { writer, nowMs } = session;
  session.enter('read-back');
  await settle(session);
  let why = '';
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const fromMs = nowMs();
    try {
      const { runners, writes } = await save(session);
      writer.emit({
        kind: 'readback',
        fromMs,
        toMs: nowMs(),
        complete: true,
        why: `attempt ${attempt}`,
        runners,
      });
      writer.emit({ kind: 'note', text: `the store holds ${writes} writes of this run` });
      return;
    } catch (error) {
      why = reasonOf(error);
      await pause(1_000, AbortSignal.timeout(5_000));
    }
  }
  writer.emit({ kind: 'readback', fromMs: nowMs(), toMs: nowMs(), complete: false, why, runners: [] });
}

/** Waits until the system's own count stands still for two looks: what is on its way is late, not lost. */
async function settle({ platform, contract, writer, plan, nowMs }: Session): Promise<void> {
  const { runId } = plan;
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

/** Writes what the store holds to `ledger/<runner>.stored`; the `end` of each file comes only after the whole answer. */
async function save({
  platform,
  contract,
  dir,
  plan,
}: Session): Promise<{ runners: string[]; writes: number }> {
  const files = new Map<string, { fd: number; pending: string }>();
  let writes = 0;
  try {
    for await (const range of contract.readBack({ storeEnv: platform.storeEnv(), runId: plan.runId })) {
      // The runner's name came back from the system under test: it must not choose where a file is written.
      const runner = /^[a-z0-9-]{1,64}$/.test(range.runner) ? range.runner : 'foreign';
      const file = files.get(runner) ?? {
        fd: openSync(path.join(dir, 'ledger', `${runner}.stored`), 'w'),
        pending: '',
      };
      files.set(runner, file);
      writes += (range.to - range.from + 1) * range.copies;
      file.pending += `${range.vu}:${range.from}-${range.to}${range.copies === 1 ? '' : ` x${range.copies}`}\n`;
      if (file.pending.length > FLUSH_CHARS) flush(file);
    }
    for (const file of files.values()) {
      file.pending += 'end\n';
      flush(file);
    }
  } finally {
    for (const { fd } of files.values()) closeSync(fd);
  }
  return { runners: [...files.keys()], writes };
}

function flush(file: { fd: number; pending: string }): void {
  writeSync(file.fd, file.pending);
  file.pending = '';
}
