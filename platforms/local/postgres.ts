/**
 * A real PostgreSQL server from npm for the rehearsal: the package's programs, this file's supervision. It is killed and
 * started again on purpose, so nothing here waits for an exit that is past, and every restart works.
 */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { UndoJournal } from '../platform.ts';
import { freePort } from './ports.ts';
import { postgresPrograms, unprivilegedUser } from './postgres-programs.ts';
import { childrenOf, endsWithin, logTail, sleep, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';

const START_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 20;

/** Locales of the server itself: a minimal image has none of libc's. */
const INITDB = [
  '--no-sync',
  '-E',
  'UTF8',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--locale=C',
  '-U',
  'postgres',
  '--auth=trust',
];
/** Commits are durable, that is the point; shared memory in files, so that nothing is left in /dev/shm after a kill. */
const SERVER = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  dynamic_shared_memory_type: 'mmap',
  max_wal_size: '2GB',
  max_connections: '100',
  fsync: 'on',
  synchronous_commit: 'on',
};

export interface PostgresOptions {
  runId: string;
  evidenceDir: string;
  undo: UndoJournal;
  signal: AbortSignal;
  /** The server ended though nobody asked it to. */
  onLost(why: string): void;
}

export interface Postgres {
  port: number;
  /** A client's URL; `port` is that of a proxy in front of it. */
  url(port?: number): string;
  /** The server and its backends. */
  pids(): number[];
  /** Kills the whole tree at once. */
  kill9(): Promise<void>;
  /** Starts the server again after `kill9`; resolves when it accepts connections. */
  restart(): Promise<void>;
  /** Stops the server and removes its files. */
  remove(): Promise<void>;
}

/** Makes a cluster in the temporary folder and starts it. Rejects with the log's tail, and with everything taken back. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { undo, runId } = options;
  const logFile = path.join(options.evidenceDir, 'store.log');
  const user = unprivilegedUser();
  const folder = path.join(os.tmpdir(), `proofload-${runId}-store`);
  const data = path.join(folder, 'data');
  const port = await freePort();
  let programs = '';
  let server: RunningProcess | undefined;
  let segmentId: number | undefined;
  let expected = true;

  const launch = (what: string, program: string, args: string[], cwd: string) =>
    startProcess({
      what,
      args,
      cwd,
      runId,
      logFile,
      undo,
      ...(user && { user }),
      file: path.join(programs, 'bin', program),
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    });

  const initialise = async () => {
    if (user) {
      chownSync(folder, user.uid, user.gid);
      requireReachable(folder);
    }
    programs = await postgresPrograms(user && folder);
    const initdb = launch('initdb', 'initdb', ['-D', data, ...INITDB], folder);
    if (!(await endsWithin(initdb, START_WITHIN_MS, options.signal))) initdb.signal('SIGKILL');
    const { exitCode } = await initdb.exited;
    if (exitCode !== 0)
      throw new Error(`initdb failed (code ${exitCode}); its log ends:\n${logTail(logFile)}`);
  };

  const start = async () => {
    segmentId = undo.intent({ kind: 'shared-memory', what: 'store' });
    const settings = Object.entries(SERVER).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const mine = launch('store', 'postgres', ['-D', data, '-p', String(port), ...settings], data);
    server = mine;
    const deadlineMs = performance.now() + START_WITHIN_MS;
    while (pidFile(data)[7]?.trim() !== 'ready' || Number(pidFile(data)[0]) !== mine.pid) {
      if (mine.gone() || performance.now() > deadlineMs || options.signal.aborted)
        throw new Error(`the store did not start on port ${port}; its log ends:\n${logTail(logFile)}`);
      await sleep(LOOK_EVERY_MS);
    }
    const segment = segmentOf(data);
    undo.acted(segmentId, {
      kind: 'shared-memory',
      what: 'store',
      ...(segment !== undefined && { id: segment }),
    });
    expected = false;
    void watch(mine);
  };

  const watch = async (mine: RunningProcess) => {
    const exit = await mine.exited;
    const how = exit.signal ?? `code ${exit.exitCode}`;
    if (!expected) options.onLost(`the store ended with ${how}; its log ends:\n${logTail(logFile)}`);
  };

  /** The tree, not only the server: a busy backend that lives on blocks every restart. Stopped first, it cannot fork meanwhile. */
  const kill9 = async () => {
    expected = true;
    if (server === undefined || server.gone()) return;
    server.signal('SIGSTOP');
    const backends = childrenOf(server.pid);
    server.signal('SIGKILL');
    for (const pid of backends) killQuietly(pid, 'SIGKILL');
    await server.exited;
  };

  const remove = async () => {
    expected = true;
    if (server !== undefined && !server.gone()) {
      killQuietly(server.pid, 'SIGINT'); // fast shutdown
      if (!(await endsWithin(server, STOP_WITHIN_MS))) await kill9();
    }
    const segment = segmentOf(data);
    if (segment !== undefined && segmentExists(segment)) removeSegment(segment);
    if (segmentId !== undefined && (segment === undefined || !segmentExists(segment))) undo.done(segmentId);
    segmentId = undefined;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };

  const folderId = undo.intent({ kind: 'directory', path: folder });
  mkdirSync(folder, { mode: 0o700 }); // fails if it exists: a folder that somebody else made is never used
  try {
    await initialise();
    await start();
  } catch (error) {
    await remove();
    undo.done(folderId);
    throw error;
  }
  return {
    port,
    url: (proxyPort = port) => `postgres://postgres@127.0.0.1:${proxyPort}/postgres`,
    pids: () => (server === undefined || server.gone() ? [] : [server.pid, ...childrenOf(server.pid)]),
    kill9,
    async restart() {
      await kill9();
      const beforeId = segmentId;
      await start();
      if (beforeId !== undefined) undo.done(beforeId); // a start removes the segment of the server before it
    },
    async remove() {
      await remove();
      undo.done(folderId);
    },
  };
}

/** Lines of the server's postmaster.pid: 1 its pid, 7 "<key> <id>" of its shared memory, 8 its state. None if there is no such file. */
function pidFile(data: string): string[] {
  try {
    return readFileSync(path.join(data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

function segmentOf(data: string): number | undefined {
  const id = pidFile(data)[6]?.trim().split(/\s+/)[1];
  return id === undefined ? undefined : Number(id);
}

/** Another user has to pass every folder above. */
function requireReachable(folder: string): void {
  for (let above = path.dirname(folder); above !== path.dirname(above); above = path.dirname(above)) {
    if ((statSync(above).mode & 0o001) === 0)
      throw new Error(
        `as root, PostgreSQL runs as user nobody, who may not enter ${above}; set TMPDIR to a folder open to all, e.g. /tmp`,
      );
  }
}

function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended
  }
}

function segmentExists(id: number): boolean {
  try {
    const rows = readFileSync('/proc/sysvipc/shm', 'utf8').split('\n').slice(1);
    return rows.some((row) => Number(row.trim().split(/\s+/)[1]) === id);
  } catch {
    return false; // no System V shared memory here
  }
}

function removeSegment(id: number): void {
  try {
    execFileSync('ipcrm', ['-m', String(id)], { stdio: 'ignore', timeout: 2_000 });
  } catch {
    // It stays in the journal, and heal names it.
  }
}
