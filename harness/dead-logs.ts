/**
 * What processes of this machine wrote into their logs themselves is redacted at the end of a run (record/writer.ts). A harness that died took the
 * secrets with it: nobody knows what to look for, so those logs do not stay. What came through the harness line by line was redacted as it came.
 */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { openRun } from '../record/reader.ts';
import { reasonOf } from '../record/reason.ts';
import { replaceFile } from '../record/writer.ts';
import { isAbandoned, unlockRun } from './lock.ts';

/** In the place of such a log. */
const REMOVED =
  '(removed: the harness of this run died before it could take the secrets out of this log; see proofload heal)\n';

/** Replaces them, once. A process that still writes into one writes into a file without a name. Throws nothing. */
export function removeRawLogs(runDir: string): { undone: string[]; left: string[] } {
  if (!isAbandoned(runDir)) return { undone: [], left: [] };
  const evidenceDir = path.join(runDir, 'evidence');
  const removed: string[] = [];
  const left: string[] = [];
  const stays = (what: string, error: unknown) =>
    left.push(`${what}, which may hold secrets: ${reasonOf(error)}; remove it`);
  try {
    for (const name of logsIn(evidenceDir).filter(rawLogs(runDir))) {
      try {
        replaceOrRemove(path.join(evidenceDir, name));
        removed.push(`evidence/${name}`);
      } catch (error) {
        stays(path.join(evidenceDir, name), error);
      }
    }
  } catch (error) {
    stays(evidenceDir, error);
  }
  if (left.length === 0) unlockRun(runDir);
  return {
    undone: removed.length === 0 ? [] : [`logs that were not redacted: ${removed.join(', ')}`],
    left,
  };
}

/** By name; empty ones have nothing to hide. */
function logsIn(evidenceDir: string): string[] {
  if (!existsSync(evidenceDir)) return [];
  return readdirSync(evidenceDir, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.log'))
    .map(({ name }) => name)
    .filter((name) => statSync(path.join(evidenceDir, name)).size > 0)
    .toSorted();
}

/** On a cluster the logs of pods and runners come through the harness; only a k6 beside it writes its own. All of them where the plan cannot be read. */
function rawLogs(runDir: string): (name: string) => boolean {
  try {
    const { platform, runners } = openRun(runDir).plan;
    if (platform !== 'kubernetes') return () => true;
    return (name) => runners === undefined && name.startsWith('k6-');
  } catch {
    return () => true;
  }
}

function replaceOrRemove(file: string): void {
  try {
    replaceFile(file, REMOVED);
  } catch {
    rmSync(file); // a full disk has no room for the words
  }
}
