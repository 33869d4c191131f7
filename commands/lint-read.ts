/** Manifests for the lint: files as a person names them, and every object in them with its lines. */
import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import type { Manifest } from '../analysis/lint/finding.ts';
import {
  find,
  type Located,
  nearest,
  parseYaml,
  plain,
  readYaml,
  shownPath,
} from '../platforms/manifests/located.ts';
import { UsageError } from '../record/model.ts';
import { reasonOf } from '../record/reason.ts';

export interface ReadManifests {
  files: number;
  manifests: Manifest[];
  /** Documents that are no objects of Kubernetes: `file:line`. */
  skipped: string[];
}

/** Files, and the *.yaml, *.yml and *.json of folders. Throws UsageError for what is not there, is not YAML, or holds no object at all. */
export function readForLint(paths: readonly string[]): ReadManifests {
  const files = [...new Set(paths.flatMap(filesOf))];
  const read = files.map((file) => {
    try {
      return objectsOf(readYaml(path.resolve(file)));
    } catch (error) {
      if (error instanceof UsageError && isTemplate(file))
        throw new UsageError(
          `${error.message} (a template? render it first: helm template, kustomize build)`,
        );
      throw error;
    }
  });
  const manifests = read.flatMap((file) => file.manifests);
  const skipped = read.flatMap((file) => file.skipped);
  if (manifests.length === 0)
    throw new UsageError(
      `${paths.join(', ')}: no object with a kind and a metadata.name, so there is nothing to judge; name the folder that holds the manifests`,
    );
  return { files: files.length, manifests, skipped };
}

/** Objects of one text, for tests. */
export function parseForLint(text: string, file: string): Manifest[] {
  return objectsOf(parseYaml(text, file)).manifests;
}

/** A file as named, or the *.yaml, *.yml and *.json of a folder. Throws UsageError for what is not there. */
export function filesOf(named: string): string[] {
  const stat = statOf(named);
  if (!stat) throw new UsageError(`${named}: no such file or folder`);
  if (!stat.isDirectory()) return [named];
  const files = namesIn(named)
    .filter((file) => /\.(ya?ml|json)$/.test(file))
    .map((file) => path.join(named, file))
    // A link that leads nowhere is a manifest that is missing, and said where it is read.
    .filter((file) => statOf(file)?.isFile() ?? true);
  if (files.length === 0)
    throw new UsageError(`${shownPath(path.resolve(named))}: no *.yaml, *.yml or *.json in this folder`);
  return files.sort();
}

/** Undefined: there is nothing. Throws UsageError for what nobody can look at. */
function statOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    throw new UsageError(`${file}: cannot be read: ${reasonOf(error)}`);
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new UsageError(`${folder}: cannot be read: ${reasonOf(error)}`);
  }
}

function isTemplate(file: string): boolean {
  return (
    statSync(file, { throwIfNoEntry: false })?.isFile() === true && readFileSync(file, 'utf8').includes('{{')
  );
}

function objectsOf(documents: readonly Located[]): Omit<ReadManifests, 'files'> {
  const nodes = documents.flatMap((node) => {
    const items = find(node, ['items'])?.value;
    return textAt(node, 'kind')?.endsWith('List') && Array.isArray(items) ? items : [node];
  });
  const manifests: Manifest[] = [];
  const skipped: string[] = [];
  for (const node of nodes) {
    const kind = textAt(node, 'kind');
    const name = textAt(node, 'metadata', 'name');
    if (kind === undefined || name === undefined) skipped.push(`${node.file}:${node.line}`);
    else manifests.push(manifestOf(node, kind, name));
  }
  return { manifests, skipped };
}

function manifestOf(node: Located, kind: string, name: string): Manifest {
  const namespace = textAt(node, 'metadata', 'namespace');
  return {
    file: node.file,
    kind,
    name,
    ...(namespace !== undefined && { namespace }),
    value: plain(node),
    lineAt: (at) => nearest(node, at).line,
  };
}

function textAt(node: Located, ...at: string[]): string | undefined {
  const value = find(node, at)?.value;
  return typeof value === 'string' ? value : undefined;
}
