/**
 * The undo journal: what was started, on disk before it is started, so that `proofload heal` can take it back from a cold start.
 * Three lines per deed: `intent` before it, `acted` with what only the deed can know (a pid), `done` once it is undone.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { UndoAction, UndoJournal } from '../platforms/platform.ts';
import { AppendFile } from '../record/append-file.ts';

interface UndoLine {
  id: number;
  step: 'intent' | 'acted' | 'done';
  action?: UndoAction;
}

const FILE = 'undo.jsonl';

/**
 * Fail point for the crash tests: PROOFLOAD_CRASH_AT=<kind>/<step>/<before|after> kills this process there, as `kill -9` would.
 * It is the only way to stop between two lines of this file at will.
 */
function crashPoint(kind: string, step: UndoLine['step'], side: 'before' | 'after'): void {
  if (process.env['PROOFLOAD_CRASH_AT'] === `${kind}/${step}/${side}`) process.kill(process.pid, 'SIGKILL');
}

/**
 * Opens the journal of a run directory; appends, never rewrites. On a full disk an intent throws: what could not be taken back is not begun.
 * The other lines wait for room, since the deed is done: without its pid a process is found by the run id, and undoing twice does no harm.
 */
export function openJournal(runDir: string): UndoJournal {
  const file = path.join(runDir, FILE);
  const journal = new AppendFile(file);
  const kinds = new Map<number, string>();
  // Behind a torn line the next one would be torn too.
  if (existsSync(file) && !readFileSync(file, 'utf8').endsWith('\n')) appendFileSync(file, '\n');
  let next = readLines(file).reduce((highest, line) => Math.max(highest, line.id), 0) + 1;

  const append = (line: UndoLine): Error | null => {
    const kind = line.action?.kind ?? kinds.get(line.id) ?? 'unknown';
    crashPoint(kind, line.step, 'before');
    const failure = journal.append(JSON.stringify(line));
    crashPoint(kind, line.step, 'after');
    return failure;
  };

  return {
    intent(action) {
      const id = next++;
      kinds.set(id, action.kind);
      const failure = append({ id, step: 'intent', action });
      if (failure) throw failure;
      return id;
    },
    acted: (id, action) => void append({ id, step: 'acted', action }),
    done: (id) => void append({ id, step: 'done' }),
  };
}

/** What was begun and not undone, the newest first; an `acted` line replaces its intent. A torn last line is dropped. */
export function openActions(runDir: string): { id: number; action: UndoAction }[] {
  const open = new Map<number, UndoAction>();
  for (const line of readLines(path.join(runDir, FILE))) {
    if (line.step === 'done') open.delete(line.id);
    else if (line.action) open.set(line.id, line.action);
  }
  return [...open].map(([id, action]) => ({ id, action })).toReversed();
}

function readLines(file: string): UndoLine[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text) => {
      try {
        const line: unknown = JSON.parse(text);
        return isUndoLine(line) ? [line] : [];
      } catch {
        // Only the last line can be torn; what it would have said has not been acted on yet, or is found by its run id.
        return [];
      }
    });
}

/** The journal is a file, and a file can be edited: a line that is none of ours is passed over. */
function isUndoLine(line: unknown): line is UndoLine {
  return (
    typeof line === 'object' && line !== null && 'id' in line && typeof line.id === 'number' && 'step' in line
  );
}
