import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VerdictFile } from '../record/model.ts';
import { SAMPLE_PLAN, SAMPLE_VERDICTS, sampleVerdict, sampleVerdictFile } from '../record/sample.ts';
import { render } from './junit.ts';

const report = (verdicts: VerdictFile) => render({ verdicts, plan: SAMPLE_PLAN, directory: 'out/sample-1' });

interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text: string): string {
  if (/<|&(?!(amp|lt|gt|quot|apos|#x[0-9A-F]+);)/.test(text)) throw new Error(`not well-formed: ${text}`);
  return text.replaceAll(/&(#x([0-9A-F]+)|\w+);/g, (_, name: string, hex: string | undefined) =>
    hex ? String.fromCodePoint(Number.parseInt(hex, 16)) : (ENTITIES[name] ?? ''),
  );
}

/** The part of XML 1.0 that a report may use; throws at anything that is not well-formed. */
function parse(xml: string): Element {
  if (/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(xml))
    throw new Error('a character XML forbids');
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const token =
    /<\?xml[^?]*\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<\/([\w-]+)>|<([\w-]+)((?:\s+[\w-]+="[^"]*")*)\s*(\/?)>|([^<]+)/gy;
  for (let at = 0; at < xml.length; at = token.lastIndex) {
    token.lastIndex = at;
    const found = token.exec(xml);
    const top = open.at(-1);
    if (!found || !top) throw new Error(`not well-formed at ${at}: ${xml.slice(at, at + 40)}`);
    const [, cdata, closing, opening, attributes = '', empty, text] = found;
    if (cdata !== undefined) top.text += cdata;
    else if (closing !== undefined) {
      if (top.name !== closing) throw new Error(`</${closing}> closes <${top.name}>`);
      open.pop();
    } else if (opening !== undefined) {
      const pairs = [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)];
      const element: Element = {
        name: opening,
        attributes: Object.fromEntries(pairs.map(([, key = '', value = '']) => [key, decode(value)])),
        children: [],
        text: '',
      };
      top.children.push(element);
      if (empty === '') open.push(element);
    } else if (text !== undefined) {
      if (text.includes(']]>')) throw new Error(']]> in text');
      top.text += decode(text);
    }
  }
  if (open.length !== 1) throw new Error(`<${open.at(-1)?.name}> is not closed`);
  return root;
}

function cases(xml: string): Element[] {
  const suite = parse(xml).children[0]?.children[0];
  return suite?.children.filter(({ name }) => name === 'testcase') ?? [];
}

describe('junit.xml', () => {
  it('maps each outcome to what a CI server knows', () => {
    const found = cases(report(sampleVerdictFile([...SAMPLE_VERDICTS]))).map(({ attributes, children }) => {
      const result = children.find(({ name }) => name !== 'system-out');
      return [
        attributes['name'],
        result?.name,
        result?.attributes['type'],
        result?.attributes['message']?.slice(0, 24),
      ];
    });
    expect(found).toEqual([
      ['no-lost-writes@kill', 'failure', 'promise', '3 of 812 writes acknowle'],
      ['rollout-serves', 'error', 'invalid', 'the load generator dropp'],
      ['recovers@cut', 'skipped', undefined, 'inconclusive: only 12 wr'],
      ['alerts-fire', 'skipped', undefined, 'not_run: this platform h'],
      ['no-lost-writes', undefined, undefined, undefined],
    ]);
  });

  it('counts, names and times them', () => {
    const [suites] = parse(report(sampleVerdictFile([...SAMPLE_VERDICTS]))).children;
    const suite = suites?.children[0];
    expect(suite?.attributes).toMatchObject({
      name: 'pod-loss',
      tests: '5',
      failures: '1',
      errors: '1',
      skipped: '2',
    });
    const properties = suite?.children.find(({ name }) => name === 'properties')?.children;
    expect(properties?.map(({ attributes }) => [attributes['name'], attributes['value']])).toContainEqual([
      'seed',
      '42',
    ]);
    const failed = suite?.children.find(({ name }) => name === 'testcase');
    expect(failed?.attributes).toMatchObject({ classname: 'luminate.no-lost-writes', time: '13.7' });
    expect(failed?.children.at(-1)?.text).toContain('evidence: ledger/load.stored');
  });

  it('says of a pass, too, what it rests on', () => {
    const [passed] = cases(report(sampleVerdictFile([sampleVerdict({ reason: '0 lost of 812 writes.' })])));
    expect(passed?.children.map(({ name }) => name)).toEqual(['system-out']);
    expect(passed?.children[0]?.text).toContain('0 lost of 812 writes.');
  });

  it('is not green when nothing was judged, nor when Proofload crashed', () => {
    const [empty] = cases(report(sampleVerdictFile([])));
    expect(empty?.children[0]).toMatchObject({
      name: 'skipped',
      attributes: { message: 'no promise was judged' },
    });
    const crashed = cases(report(sampleVerdictFile([sampleVerdict({})], { exitCode: 5 })));
    expect(crashed.at(-1)?.children[0]).toMatchObject({ name: 'error', attributes: { type: 'crash' } });
  });

  it('is well-formed whatever a reason holds', () => {
    const hostile = 'a ]]> <b attr="x"> & \u0000 \u001b[2J \uFFFE \ud800 \n "quoted"';
    for (const verdict of SAMPLE_VERDICTS) {
      const file = sampleVerdictFile([
        { ...verdict, reason: hostile, title: hostile, id: hostile, evidence: [hostile] },
      ]);
      const [only] = cases(report({ ...file, scenario: hostile }));
      expect(only?.attributes['name']).toContain('a ]]> <b attr="x"> & \\u{0} \\u{1b}[2J');
      expect(only?.children.at(-1)?.text).toContain('a ]] > <b');
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...SAMPLE_VERDICTS), (reason, verdict) => {
        expect(cases(report(sampleVerdictFile([{ ...verdict, reason, title: reason }])))).toHaveLength(1);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it('keeps 200 long reasons', () => {
    const verdicts = Array.from({ length: 200 }, (_, index) =>
      sampleVerdict({ id: `check@${index}`, verdict: 'fail', reason: 'lost writes '.repeat(500) }),
    );
    const found = cases(report(sampleVerdictFile(verdicts)));
    expect(found).toHaveLength(200);
    expect(found[0]?.children[0]?.attributes['message']).toMatch(
      /… \(\d+ more characters in verdict\.json\)$/,
    );
  });
});
