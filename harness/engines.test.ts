import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../record/model.ts';
import { type Engine, platformKey } from './engines/engine.ts';
import { findEngine, inspectEngines, locateEngine } from './engines.ts';

let dir: string;
let bin: string;
let cached: string;
let progress: string[];
const quiet = () => ({
  signal: new AbortController().signal,
  onProgress: (line: string) => void progress.push(line),
});

beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-engines-'));
  bin = path.join(dir, 'bin');
  mkdirSync(bin);
  cached = path.join(dir, 'cache', 'proofload', `toy-1.2.3-${platformKey()}`, 'toy');
  // Nothing of this machine but a shell: no real k6, no real go.
  vi.stubEnv('PATH', bin);
  vi.stubEnv('XDG_CACHE_HOME', path.join(dir, 'cache'));
  progress = [];
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

function program(file: string, body: string): string {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}
const toy = (file: string, version: string) =>
  program(file, `echo "toy v${version} (go1.26.8, linux/amd64)"`);

function engine(rest: Partial<Engine> = {}): Engine {
  return {
    name: 'toy',
    version: '1.2.3',
    versionArgs: ['version'],
    versionPattern: /^\S+ v(\d+\.\d+\.\d+)\b/,
    releases: {},
    goModule: 'tools',
    goPackage: 'example.invalid/toy',
    minGo: [1, 25],
    neededBy: ['run'],
    installUrl: 'https://example.invalid/',
    ...rest,
  };
}

/** A go that says `version`, and whose `go build` does what the shell text says with `$OUT` as its output file. */
function fakeGo(version: string, build: string): void {
  program(
    path.join(bin, 'go'),
    `if [ "$1" = version ]; then echo "go version go${version} linux/amd64"; exit; fi
while [ "$1" != -o ]; do shift; done
OUT=$2
${build}`,
  );
}
const WRITE_TOY = `printf '#!/bin/sh\\necho "toy v1.2.3 (fake)"\\n' > "$OUT"; /bin/chmod 755 "$OUT"`;

describe('locateEngine', () => {
  it('takes what is on PATH, of any patch version', async () => {
    const file = toy(path.join(bin, 'toy'), '1.2.9');
    expect(await locateEngine(engine(), quiet())).toEqual({ path: file, version: '1.2.9', from: 'PATH' });
  });

  it('passes by another minor version on PATH, and takes the next one there', async () => {
    toy(path.join(bin, 'toy'), '1.3.0');
    const file = toy(path.join(dir, 'other', 'toy'), '1.2.3');
    vi.stubEnv('PATH', `${bin}:relative:${path.join(dir, 'other')}`);
    expect(await locateEngine(engine(), quiet())).toMatchObject({ path: file });
  });

  it('takes the cache before it fetches anything', async () => {
    toy(cached, '1.2.3');
    fakeGo('1.26.8', 'exit 1');
    expect(await locateEngine(engine(), quiet())).toEqual({ path: cached, version: '1.2.3', from: 'cache' });
    expect(progress).toEqual([]);
  });

  it('replaces a broken program in the cache', async () => {
    program(cached, 'exit 126');
    fakeGo('1.26.8', WRITE_TOY);
    expect(await locateEngine(engine(), quiet())).toEqual({
      path: cached,
      version: '1.2.3',
      from: 'go build',
    });
    expect(progress[0]).toBe('building toy 1.2.3 with go 1.26.8, once: 0 s (about two minutes on two cores)');
    expect(readdirSync(path.dirname(cached))).toEqual(['toy']);
  });

  it('leaves one whole program of two builds at a time', async () => {
    fakeGo('1.26.8', WRITE_TOY);
    const both = await Promise.all([locateEngine(engine(), quiet()), locateEngine(engine(), quiet())]);
    expect(both.map(({ path: file }) => file)).toEqual([cached, cached]);
    expect(readdirSync(path.dirname(cached))).toEqual(['toy']);
    expect(execFileSync(cached, ['version'], { encoding: 'utf8' })).toContain('v1.2.3');
  });

  it('says in one error what each step came to, and what to install', async () => {
    toy(path.join(bin, 'toy'), '9.0.0');
    program(cached, 'echo "no such library" >&2; exit 127');
    fakeGo('1.26.8', 'echo "missing go.sum entry" >&2; exit 1');
    const error: unknown = await locateEngine(engine(), quiet()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(error instanceof Error ? error.message : '').toBe(
      [
        'toy 1.2 is needed and was not found:',
        `  PATH: ${bin}/toy is 9.0.0, and 1.2.x is needed`,
        `  cache: ${cached} version failed: no such library`,
        `  download: no pinned checksum for ${platformKey()}`,
        '  go build: go build ended with 1: missing go.sum entry',
        'Install toy 1.2 (https://example.invalid/) or Go 1.25 or newer (https://go.dev/dl/), and start again.',
      ].join('\n'),
    );
    expect(readdirSync(path.dirname(cached))).toEqual(['toy']);
  });

  it.each([
    ['1.24.9', 'is 1.24.9, and 1.25 or newer is needed'],
    ['1.25.0', 'it said nothing'],
    ['2.0', 'it said nothing'],
    ['one', 'does not say its version'],
  ])('go %s: %s', async (version, reason) => {
    fakeGo(version, 'exit 1');
    await expect(locateEngine(engine(), quiet())).rejects.toThrow(reason);
  });

  it('builds in its own module, with its own flags and its version', async () => {
    fakeGo('1.26.8', `echo "$PWD $*" > ${path.join(dir, 'args')}; ${WRITE_TOY}`.replace('$*', '$ARGS'));
    const prelude = readFileSync(path.join(bin, 'go'), 'utf8').replace('while', 'ARGS="$*"\nwhile');
    writeFileSync(path.join(bin, 'go'), prelude);
    const rest = { goModule: 'tools/promtool', goFlags: ['-tags=small'], goVersionVariable: 'a/b.Version' };
    await locateEngine(engine(rest), quiet());
    expect(readFileSync(path.join(dir, 'args'), 'utf8')).toMatch(
      /tools\/promtool build .*-ldflags=-s -w -X a\/b\.Version=1\.2\.3 -tags=small -o \S+ example\.invalid\/toy$/m,
    );
  });

  it('does not keep a build of another version', async () => {
    fakeGo('1.26.8', WRITE_TOY.replace('1.2.3', '1.3.0'));
    await expect(locateEngine(engine(), quiet())).rejects.toThrow(/is 1\.3\.0, and 1\.2\.x is needed/);
    expect(existsSync(cached)).toBe(false);
  });

  it('ends the compilers when it is interrupted', async () => {
    const pidFile = path.join(dir, 'pid');
    fakeGo('1.26.8', `/bin/sleep 60 & echo $! > ${pidFile}; wait`);
    const interrupt = new AbortController();
    const found = locateEngine(engine(), { signal: interrupt.signal, onProgress: () => undefined });
    const sleeping = await vi.waitUntil(() => existsSync(pidFile) && Number(readFileSync(pidFile, 'utf8')));
    interrupt.abort();
    await expect(found).rejects.toThrow('interrupted while getting toy');
    await vi.waitUntil(() => !alive(sleeping));
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie that nobody has collected yet is no longer running.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('download', () => {
  let server: Server;
  let archive: Buffer;
  let status: number;

  beforeEach(async () => {
    vi.stubEnv('PATH', `${bin}:/usr/bin:/bin`);
    toy(path.join(dir, 'release', 'toy-1.2.3', 'toy'), '1.2.3');
    execFileSync('tar', [
      '-czf',
      path.join(dir, 'toy.tar.gz'),
      '-C',
      path.join(dir, 'release'),
      'toy-1.2.3/toy',
    ]);
    archive = readFileSync(path.join(dir, 'toy.tar.gz'));
    status = 200;
    server = createServer((_, response) => response.writeHead(status).end(archive));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const released = (member = 'toy-1.2.3/toy') => {
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/toy.tar.gz`;
    const sha256 = createHash('sha256').update(archive).digest('hex');
    return engine({ releases: { [platformKey()]: { url, sha256, member } } });
  };

  it('unpacks a release whose checksum is the pinned one', async () => {
    expect(await locateEngine(released(), quiet())).toEqual({
      path: cached,
      version: '1.2.3',
      from: 'download',
    });
    expect(progress).toEqual([expect.stringMatching(/^downloading toy 1\.2\.3 from 127\.0\.0\.1:\d+$/)]);
    expect(readdirSync(path.dirname(cached))).toEqual(['toy']);
  });

  it('runs nothing whose checksum differs', async () => {
    const pinned = released();
    archive = Buffer.concat([archive, Buffer.from('x')]);
    await expect(locateEngine(pinned, quiet())).rejects.toThrow(
      /toy\.tar\.gz has the SHA-256 [0-9a-f]{64}, and [0-9a-f]{64} is pinned/,
    );
    expect(existsSync(cached)).toBe(false);
  });

  it('goes on when the release cannot be had', async () => {
    status = 404;
    fakeGo('1.26.8', WRITE_TOY);
    expect(await locateEngine(released(), quiet())).toMatchObject({ from: 'go build' });
  });

  it('goes on when the release has no such member', async () => {
    await expect(locateEngine(released('toy-1.2.3/other'), quiet())).rejects.toThrow(/download: .*other/);
  });
});

describe('the engines of the project', () => {
  it('are pinned like their go.mod', async () => {
    const versions = new Map((await inspectEngines()).map(({ engine: name, version }) => [name, version]));
    expect([...versions.keys()]).toEqual(['k6', 'prometheus', 'promtool']);
    expect(readFileSync('tools/go.mod', 'utf8')).toContain(`\tgo.k6.io/k6/v2 v${versions.get('k6')}\n`);
    for (const name of ['prometheus', 'promtool']) {
      // Of its version 3.14.0 Prometheus' Go module says v0.314.0.
      const [major = '', minor = '', patch] = (versions.get(name) ?? '').split('.');
      expect(readFileSync(`tools/${name}/go.mod`, 'utf8')).toContain(
        `github.com/prometheus/prometheus v0.${major}${minor.padStart(2, '0')}.${patch} `,
      );
    }
  });

  it('are inspected without fetching anything', async () => {
    fakeGo('1.26.8', `: > ${path.join(dir, 'built')}`);
    const [k6] = await inspectEngines();
    expect(k6?.found).toBeUndefined();
    expect(k6?.tried[0]).toEqual({ step: 'PATH', result: 'there is no k6 on it' });
    expect(k6?.tried.at(-1)).toEqual({ step: 'go build', result: 'possible' });
    expect(existsSync(path.join(dir, 'built'))).toBe(false);
    expect(existsSync(path.join(dir, 'cache'))).toBe(false);
  });

  it('are found under their names only', async () => {
    await expect(findEngine('k7', quiet())).rejects.toThrow('engine "k7" is not known');
  });
});
