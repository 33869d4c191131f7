import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UsageError } from '../record/model.ts';
import { bundleScript } from './bundle.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'proofload-bundle-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const script = (name: string, text: string) => writeFileSync(path.join(dir, `${name}.ts`), text);

it("bundles the project's scripts into one file that imports k6 alone", async () => {
  for (const name of ['push-metrics', 'bench-write']) {
    const file = await bundleScript(name, dir);
    expect(file).toBe(path.join(dir, `${name}.js`));
    const imports = [...readFileSync(file, 'utf8').matchAll(/^import .* from "(.+)";$/gm)].map(
      ([, from]) => from,
    );
    expect(new Set(imports)).toEqual(new Set(['k6', 'k6/http', 'k6/execution']));
  }
});

it('takes out syntax that sends k6 into an endless loop', async () => {
  script(
    'loops',
    'export default async function run(x: AsyncIterable<number>) { for await (const y of x) console.log(y); }',
  );
  expect(readFileSync(await bundleScript('loops', dir, dir), 'utf8')).not.toContain('for await');
});

it('names file, line and column of an error', async () => {
  script('broken', 'import http from "k6/http";\nexport const options = {;\n');
  await expect(bundleScript('broken', dir, dir)).rejects.toThrow(
    /^k6 script "broken" does not build:\n.*broken\.ts:2:25: Expected identifier but found ";"$/,
  );
});

it('names an import that is not there', async () => {
  script('lost', 'import { x } from "./lib/lost.ts";\nexport default x;\n');
  await expect(bundleScript('lost', dir, dir)).rejects.toThrow(
    /lost\.ts:1:19: Could not resolve ".\/lib\/lost\.ts"/,
  );
});

it.each(['no-such-script', '../push-metrics', 'lib/batch', ''])(
  'lists the scripts for "%s"',
  async (name) => {
    const error: unknown = await bundleScript(name, dir).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toContain(
      'the scripts are bench-write, push-events, push-metrics, send-events, start-journeys',
    );
  },
);
