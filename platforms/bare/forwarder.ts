/** The way from this machine's loopback to the API server, for any kubectl: two small processes with a Unix socket between them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { builtFile } from '../../record/root.ts';
import { API_PORT, CGROUP_SYSTEM, NODE_A, STATE } from './layout.ts';
import { logOf } from './component-processes.ts';
import { joining, procOf } from './node.ts';
import { type State, writeState } from './state.ts';

/** Both halves are in the cluster's cgroup; the inner one joins node-a's network. Their pids are in the state file. */
export function startForwarder(state: State): void {
  const socket = path.join(STATE, 'api.sock');
  const program = [process.execPath, builtFile('platforms/bare/forward.ts')];
  const netns = ['nsenter', `--net=/run/netns/${NODE_A.netns}`, '--'];
  const halves = [
    [...netns, ...program, socket, `127.0.0.1:${API_PORT}`],
    [...program, `127.0.0.1:${API_PORT}`, socket],
  ];
  for (const argv of halves) {
    const log = openSync(logOf('forwarder'), 'a');
    const [shell = 'sh', ...words] = joining(state.hierarchies, CGROUP_SYSTEM);
    const child: ChildProcess = spawn(shell, [...words, ...argv], {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
    });
    closeSync(log);
    child.unref();
    const proc = procOf(child.pid);
    if (proc !== null) state.helpers.push(proc);
    writeState(state);
  }
}
