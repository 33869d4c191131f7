/** What has become of every write, by the system's store, saved beside the ledger as `ledger/<runner>.states` (record/ledger.ts has the format). */
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import path from 'node:path';
import { markOf } from '../record/model.ts';
import { reasonOf } from '../record/reason.ts';
import type { Session } from './session.ts';

const FLUSH_CHARS = 64 * 1024;

/** Never throws: what could not be read whole has no `end`. Nothing is done where the system's contract tells no states. */
export async function readStates({ platform, contract, writer, plan, dir }: Session): Promise<void> {
  const { states } = contract;
  if (states === undefined) return;
  const head = `# kept ${states.kept.join(' ')}\n# broken ${states.broken.join(' ')}\n`;
  const folder = path.join(dir, 'ledger');
  const files = new Map<string, { fd: number; pending: string }>();
  const fileOf = (runner: string) => {
    const file = files.get(runner) ?? {
      fd: openSync(path.join(folder, `${runner}.states`), 'w'),
      pending: head,
    };
    files.set(runner, file);
    return file;
  };
  try {
    // A runner that nothing is stored of has a file, too: the answer was whole.
    for (const name of readdirSync(folder)) if (name.endsWith('.log')) fileOf(name.slice(0, -'.log'.length));
    for await (const range of states.read({ storeEnv: platform.storeEnv(), runId: markOf(plan) })) {
      const { vu, from, to } = range;
      // Words that came back from the system under test: they must choose neither a file nor a line's shape.
      const state = /^[a-z0-9-]{1,40}$/.test(range.state) ? range.state : 'unreadable';
      const file = fileOf(files.has(range.runner) ? range.runner : 'foreign');
      file.pending += `${vu}:${from}-${to} ${state}\n`;
      if (file.pending.length > FLUSH_CHARS) flush(file);
    }
    for (const file of files.values()) {
      file.pending += 'end\n';
      flush(file);
    }
    for (const runner of files.keys())
      writer.emit({
        kind: 'evidence',
        id: `ledger/${runner}.states`,
        file: `ledger/${runner}.states`,
        what: `what has become of the writes of ${runner}`,
      });
  } catch (error) {
    writer.emit({
      kind: 'note',
      text: `what has become of the writes could not be read: ${reasonOf(error)}`,
    });
  } finally {
    for (const { fd } of files.values()) closeSync(fd);
  }
}

function flush(file: { fd: number; pending: string }): void {
  writeSync(file.fd, file.pending);
  file.pending = '';
}
