import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ROOT } from '../../record/root.ts';
import { checkJars } from './kafka-parts.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'proofload-jars-'));
  for (const name of ['a.jar', 'b.jar']) writeFileSync(path.join(folder, name), name);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sum = (text: string) => createHash('sha256').update(text).digest('hex');
const SUMS = `${sum('a.jar')}  a.jar\n${sum('b.jar')}  b.jar\n`;

it('takes the jars that are pinned', () => {
  expect(() => checkJars(folder, SUMS)).not.toThrow();
});

it.each([
  ['is missing', () => rmSync(path.join(folder, 'b.jar')), /b\.jar is missing/],
  ['is one too many', () => writeFileSync(path.join(folder, 'c.jar'), ''), /c\.jar is not listed/],
  ['is another', () => writeFileSync(path.join(folder, 'a.jar'), 'x'), /a\.jar has 2d711642/],
])('refuses when one %s', (_, change, message) => {
  change();
  expect(() => checkJars(folder, SUMS)).toThrow(message);
});

it('pins every jar that the pom names, and no two versions of one', () => {
  const sums = readFileSync(path.join(ROOT, 'tools/kafka/jars.sha256'), 'utf8').trim().split('\n');
  for (const line of sums) expect(line).toMatch(/^[0-9a-f]{64} {2}[\w.-]+\.jar$/);
  const jars = sums.map((line) => line.slice(66));
  const pom = readFileSync(path.join(ROOT, 'tools/kafka/pom.xml'), 'utf8');
  const named = [...pom.matchAll(/<dependency>[\s\S]*?<artifactId>(.*?)<[\s\S]*?<version>(.*?)</g)];
  expect(named.length).toBeGreaterThan(3);
  for (const [, artifact, version] of named) expect(jars).toContain(`${artifact}-${version}.jar`);
  const artifacts = jars.map((jar) => jar.replace(/-\d[\w.-]*\.jar$/, ''));
  expect(new Set(artifacts).size).toBe(artifacts.length);
});
