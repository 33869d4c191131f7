/**
 * A real PostgreSQL server from npm for the rehearsal: the package's programs, this file's supervision. It is killed and
 * started again on purpose, so nothing here waits for an exit that is past, and every restart works.
 */
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { UsageError } from '../../record/model.ts';
import { reasonOf } from '../../record/reason.ts';
import type { UndoJournal } from '../platform.ts';
import { childrenOf } from '../process-table.ts';
import { abortError } from './aborted.ts';
import { freePort } from './ports.ts';
import { postgresPrograms, unprivilegedUser } from '../postgres-programs.ts';
import { endsWithin, killAndWait, logTail, sleep, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';
import { attachedTo, postmasterFile, removeSegment, segmentOf } from './shared-memory.ts';

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
  '--auth=scram-sha-256',
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
  /** Of the server's one user, made for this run: nobody else on the machine gets in. */
  password: string;
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

/**
 * Makes a cluster in the temporary folder and starts it. Rejects with everything taken back: with UsageError and the log's tail when
 * it cannot start on this machine, with AbortError when the signal was aborted.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { undo, runId } = options;
  const logFile = path.join(options.evidenceDir, 'store.log');
  const user = unprivilegedUser();
  const temporary = path.resolve(os.tmpdir());
  const folder = path.join(temporary, `proofload-${runId}-store`);
  const data = path.join(folder, 'data');
  const password = randomBytes(24).toString('base64url');
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
    // In a file, since every user sees the arguments of every process.
    const passwordFile = path.join(folder, 'password');
    writeFileSync(passwordFile, password, { mode: 0o600, flag: 'wx' });
    try {
      if (user) chownSync(passwordFile, user.uid, user.gid);
      const initdb = launch('initdb', 'initdb', ['-D', data, '--pwfile', passwordFile, ...INITDB], folder);
      const ended = await endsWithin(initdb, START_WITHIN_MS, options.signal);
      if (!ended) await killAndWait(initdb, 'initdb');
      const { exitCode, signal } = await initdb.exited;
      if (exitCode !== 0)
        throw new Error(
          `initdb ended with ${signal ?? `code ${exitCode}`}; its log ends:\n${logTail(logFile)}`,
        );
    } finally {
      rmSync(passwordFile, { force: true });
    }
  };

  const start = async () => {
    segmentId = undo.intent({ kind: 'shared-memory', what: 'store' });
    const settings = Object.entries(SERVER).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const mine = launch('store', 'postgres', ['-D', data, '-p', String(port), ...settings], data);
    server = mine;
    const deadlineMs = performance.now() + START_WITHIN_MS;
    while (!isReady(data, mine.pid)) {
      if (mine.gone() || performance.now() > deadlineMs || options.signal.aborted)
        throw new Error(`it did not start on port ${port}; its log ends:\n${logTail(logFile)}`);
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
    await killAndWait(server, 'the store');
  };

  const remove = async () => {
    expected = true;
    if (server !== undefined && !server.gone()) {
      killQuietly(server.pid, 'SIGINT'); // fast shutdown
      if (!(await endsWithin(server, STOP_WITHIN_MS))) await kill9();
    }
    const segment = segmentOf(data);
    if (segment !== undefined) removeQuietly(segment);
    if (segmentId !== undefined && (segment === undefined || attachedTo(segment) === null))
      undo.done(segmentId);
    segmentId = undefined;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };

  if (options.signal.aborted) throw abortError('starting the store');
  const folderId = undo.intent({ kind: 'directory', path: folder });
  try {
    mkdirSync(folder, { mode: 0o700 }); // fails if it exists: a folder that somebody else made is never used
  } catch (error) {
    undo.done(folderId);
    throw new UsageError(
      `the store's folder cannot be made: ${reasonOf(error)}; set TMPDIR to a folder that exists and can be written to`,
      { cause: error },
    );
  }
  try {
    await initialise();
    await start();
  } catch (error) {
    await remove().then(
      () => undo.done(folderId),
      () => undefined, // it stays in the journal
    );
    if (options.signal.aborted) throw abortError('starting the store', error);
    throw error instanceof UsageError
      ? error
      : new UsageError(
          `the store (PostgreSQL) cannot be started in ${folder}: ${reasonOf(error)}\nIf it is the folder, set TMPDIR to one with 1 GB free from which programs may be run`,
          { cause: error },
        );
  }
  return {
    port,
    password,
    url: (proxyPort = port) => `postgres://postgres:${password}@127.0.0.1:${proxyPort}/postgres`,
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

/** Does the server of this pid say that it accepts connections? */
function isReady(data: string, pid: number): boolean {
  const lines = postmasterFile(data);
  return lines[7]?.trim() === 'ready' && Number(lines[0]) === pid;
}

/** Another user has to pass every folder above. */
function requireReachable(folder: string): void {
  for (let above = path.dirname(folder); above !== path.dirname(above); above = path.dirname(above)) {
    if ((statSync(above).mode & 0o001) === 0)
      throw new UsageError(
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

function removeQuietly(segment: number): void {
  try {
    if (attachedTo(segment) !== null) removeSegment(segment);
  } catch {
    // It stays in the journal, and heal names it.
  }
}
