/** `proofload doctor`: what is here, what is missing, and for which command. Fetches and starts nothing. */
import { accessSync, constants, existsSync } from 'node:fs';
import os from 'node:os';
import { diskFreeMb } from '../harness/host.ts';
import { inspectEngines } from '../harness/engines.ts';

export interface Finding {
  what: string;
  ok: boolean;
  found: string;
  neededBy: string;
  /** Most of what Proofload does, it does without. */
  optional?: boolean;
}

export async function doctor(): Promise<{ ready: boolean; findings: Finding[] }> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const findings: Finding[] = [
    {
      what: 'Node.js >= 20.19',
      ok: major > 20 || (major === 20 && minor >= 19),
      found: process.versions.node,
      neededBy: 'everything',
    },
    {
      what: '/proc (CPU by process, crash clean-up)',
      ok: existsSync('/proc/self/stat'),
      found: `${os.type()} ${os.release()}`,
      neededBy: 'run: without it the check generator-valid cannot pass, and heal finds processes by pid only',
    },
    {
      what: 'two CPUs',
      ok: os.cpus().length >= 2,
      found: `${os.cpus().length} CPUs, ${Math.round(os.totalmem() / 2 ** 30)} GiB`,
      neededBy: 'run soak at its full rate',
    },
    {
      what: 'temporary folder with 4 GB free',
      ok: writable(os.tmpdir()) && diskFreeMb(os.tmpdir()) > 4_096,
      found: `${os.tmpdir()}, ${diskFreeMb(os.tmpdir())} MB free`,
      neededBy: 'run --on local',
    },
  ];
  const engines = (await inspectEngines()).map(({ engine, version, found, tried, neededBy, optional }) => ({
    what: `${engine} ${version}`,
    ok: found !== undefined || tried.some(({ result }) => result === 'possible'),
    found:
      found === undefined
        ? tried.map(({ step, result }) => `${step}: ${result}`).join('; ')
        : `${found.path} (${found.from})`,
    neededBy: neededBy.join(', '),
    optional,
  }));
  const all = [...findings, ...engines];
  return { ready: all.every(({ ok, optional }) => ok || optional === true), findings: all };
}

export function doctorText({ ready, findings }: { ready: boolean; findings: Finding[] }): string {
  const rows = findings.map(
    ({ what, ok, found, neededBy }) =>
      `${ok ? 'ok     ' : 'missing'}  ${what.padEnd(40)} ${found}${ok ? '' : `\n         needed by: ${neededBy}`}`,
  );
  return [...rows, ready ? 'ready' : 'something is missing, see above'].join('\n');
}

function writable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
