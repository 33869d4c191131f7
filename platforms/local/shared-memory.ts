/** PostgreSQL's own pid file and the System V shared memory it names, which a killed server leaves behind. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Lines of a server's postmaster.pid: 1 its pid, 7 "<key> <id>" of its shared memory, 8 its state. None if there is no such file. */
export function postmasterFile(dataFolder: string): string[] {
  try {
    return readFileSync(path.join(dataFolder, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** Id (as in `ipcs -m`) of the segment of the server in this folder; undefined while it has none. */
export function segmentOf(dataFolder: string): number | undefined {
  const id = postmasterFile(dataFolder)[6]?.trim().split(/\s+/)[1];
  return id !== undefined && /^\d+$/.test(id) ? Number(id) : undefined;
}

/** How many processes are attached to a segment; null when it does not exist (any more). */
export function attachedTo(id: number): number | null {
  try {
    const rows = readFileSync('/proc/sysvipc/shm', 'utf8').split('\n').slice(1);
    const row = rows.map((line) => line.trim().split(/\s+/)).find((columns) => Number(columns[1]) === id);
    return row === undefined ? null : Number(row[6]);
  } catch {
    return null; // no System V shared memory here
  }
}

/** Removes a segment, whoever is attached. Throws with the reason. */
export function removeSegment(id: number): void {
  execFileSync('ipcrm', ['-m', String(id)], { stdio: 'pipe', timeout: 5_000 });
}
