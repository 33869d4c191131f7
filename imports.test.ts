/** Who may import whom (docs/design.md): reads every import and fails on the first that goes the wrong way. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from './record/root.ts';

/** Folder -> folders it may import from, itself apart. The most specific folder counts. */
const MAY: Record<string, string[]> = {
  record: [],
  analysis: ['record'],
  checks: ['record', 'analysis'],
  reports: ['record', 'analysis'],
  platforms: ['record', 'analysis'],
  'platforms/manifests': ['record', 'platforms'],
  'platforms/local': ['record', 'analysis', 'platforms', 'platforms/manifests'],
  'platforms/kubernetes': ['record', 'analysis', 'platforms', 'platforms/manifests'],
  // Once a cluster is up it is a kubeconfig: what runs on it knows nothing of how it was brought up.
  'platforms/bare': ['record', 'platforms'],
  'platforms/addons': ['record', 'platforms', 'platforms/manifests', 'platforms/kubernetes'],
  'platforms/kind': ['record', 'platforms', 'platforms/kubernetes', 'platforms/addons'],
  'platforms/images': ['record', 'platforms'],
  harness: ['record', 'analysis', 'platforms', 'platforms/local', 'platforms/kubernetes'],
  commands: [
    'record',
    'analysis',
    'harness',
    'reports',
    ...['', '/local', '/kubernetes', '/bare', '/kind', '/images', '/manifests'].map(
      (folder) => `platforms${folder}`,
    ),
  ],
  systems: ['record'],
  scenarios: ['record', 'systems', 'checks'],
  'scenarios/k6': [],
  bench: ['record', 'analysis', 'harness', 'checks'],
};
/** One extension knows nothing of another: adding or deleting one touches one file. */
const STRANGERS = ['checks', 'reports', 'scenarios'];
const SPECIFIER = /(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]+)['"]/g;

function sources(): string[] {
  return Object.keys(MAY)
    .filter((folder) => !folder.includes('/'))
    .flatMap((folder) =>
      readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
        path.join(folder, file),
      ),
    )
    .filter((file) => file.endsWith('.ts') && !/\.(test|e2e)\.ts$/.test(file));
}

function folderOf(file: string): string {
  return (
    Object.keys(MAY)
      .filter((folder) => file.startsWith(`${folder}/`))
      .sort((a, b) => b.length - a.length)[0] ?? ''
  );
}

function wrongImports(files: string[], read: (file: string) => string): string[] {
  return files.flatMap((file) =>
    [...read(file).matchAll(SPECIFIER)].flatMap(([, specifier = '']) => {
      const target = path.normalize(path.join(path.dirname(file), specifier));
      const [from, to] = [folderOf(file), folderOf(target)];
      if (from === to) {
        const extension = STRANGERS.includes(from) && !target.startsWith('scenarios/k6/lib');
        const otherSystem = from === 'systems' && file.split('/')[1] !== target.split('/')[1];
        return extension || otherSystem ? [`${file} imports its sibling ${target}`] : [];
      }
      return MAY[from]?.includes(to)
        ? []
        : [
            `${file} imports ${target}: ${from} may import ${MAY[from]?.join(', ') || 'nothing of the project'}`,
          ];
    }),
  );
}

it('lets no import go against the drawing', () => {
  const files = sources();
  expect(files.length).toBeGreaterThan(30);
  expect(wrongImports(files, (file) => readFileSync(path.join(ROOT, file), 'utf8'))).toEqual([]);
});

it('sees an import that does', () => {
  const text: Record<string, string> = {
    'record/x.ts': "import { y } from '../analysis/y.ts';",
    'checks/a.ts': "import { b } from './b.ts';",
    'scenarios/k6/s.ts': "import type { m } from '../../record/model.ts';",
    'systems/a/contract.ts': "export { c } from '../b/contract.ts';",
    'harness/z.ts': "const m = await import('../systems/a/contract.ts');",
  };
  expect(wrongImports(Object.keys(text), (file) => text[file] ?? '')).toHaveLength(5);
});
