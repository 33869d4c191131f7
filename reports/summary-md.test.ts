import { describe, expect, it } from 'vitest';
import type { VerdictFile } from '../record/model.ts';
import { SAMPLE_PLAN, SAMPLE_VERDICTS, sampleVerdict, sampleVerdictFile } from '../record/sample.ts';
import { render } from './summary-md.ts';

const summary = (verdicts: VerdictFile) => render({ verdicts, plan: SAMPLE_PLAN, directory: 'out/sample-1' });

const CLAIMS = { logic: 'holds', wiring: 'fired', realTime: 'not-shown' } as const;

/** Cells of the rows of a GitHub table: split at every pipe that no backslash precedes. */
function rows(markdown: string): string[][] {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| promise'))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
}

describe('summary.md', () => {
  it('has the same content as the terminal, as Markdown', () => {
    const figures = [{ name: 'p99 latency', value: 41.2, unit: 'ms' }];
    expect(summary(sampleVerdictFile([...SAMPLE_VERDICTS], { figures, remarks: ['not played: x'] })))
      .toMatchInlineSnapshot(`
      "## FAIL: pod-loss

      1 fail, 1 invalid, 1 inconclusive, 1 not\\_run, 1 pass. Exit code 1: at least one promise is broken.

      - question: Does the deployment lose acknowledged writes when pods die?
      - run: sample-1
      - system: luminate, with overlay one-machine
      - platform: local (rehearsal: processes on one machine, not a cluster)
      - machine: 2 CPUs, 7800 MB, Example CPU
      - seed: 42
      - load: 200 writes/s of 50 points for 2m

      | promise | verdict | what was seen |
      |---|---|---|
      | No acknowledged write is lost<br>no-lost-writes@kill | **fail** | 3 of 812 writes acknowledged in the window are missing: load 2:17, load 2:18, load 4:9<br>observed 3 writes; expected 0 writes; from 35s to 49s |
      | A rollout refuses no write<br>rollout-serves | **invalid** | the load generator dropped 3.1 % of its iterations<br>observed 3.1 %; expected 0.1 % |
      | Service is back in time<br>recovers@cut | **inconclusive** | only 12 writes fell into the window<br>from 1m5s to 1m17s |
      | Alerts fire in time<br>alerts-fire (optional) | **not\\_run** | this platform has no Prometheus |
      | No acknowledged write is lost<br>no-lost-writes | **pass** | 0 lost of 24,000 acknowledged writes (at most 0.0125 % at 95 %)<br>from 5s to 2m |

      ### Figures

      - p99 latency: 41.2 ms

      ### Remarks

      - not played: x

      Run directory: out/sample-1
      "
    `);
  });

  it('has a row for what each fault cost, as text, and no second line for its figures', () => {
    const row = { fault: 'cut', data: ['0 lost', '1 | twice'], time: ['<b> s'], service: [] };
    const figures = [{ name: 'RTO of cut, clients', value: 9.1, unit: 's', fault: 'cut' }];
    const text = summary(sampleVerdictFile([sampleVerdict({})], { costs: [row], figures }));
    expect(text).toContain(
      '### What each fault cost\n\n| fault | writes (RPO) | back after (RTO) | service |\n|---|---|---|---|\n' +
        '| cut | 0 lost<br>1 \\| twice | &lt;b&gt; s |  |\n',
    );
    expect(text).not.toContain('### Figures');
    expect(summary(sampleVerdictFile([sampleVerdict({})], { costs: [] }))).not.toContain('fault cost');
  });

  it('says what is known of each alert, as text', () => {
    const rules = [{ alert: 'High_Errors', findings: ['unit'], ...CLAIMS }];
    expect(summary(sampleVerdictFile([sampleVerdict({})], { alerts: { compress: 15, rules } }))).toContain(
      '### Alerts\n\n- of 1 alerts 0 have no finding of the lint, 1 hold in virtual time, 1 fired live with time divided by 15, 0 were never exercised\n' +
        '- High\\_Errors: logic holds, wiring fired, real time not-shown; findings: unit\n',
    );
    expect(summary(sampleVerdictFile([sampleVerdict({})]))).not.toContain('### Alerts');
  });

  it('says that an empty list shows nothing', () => {
    const text = summary(sampleVerdictFile([]));
    expect(text).toContain('## INCONCLUSIVE: pod-loss');
    expect(text).toContain('No promise was judged: this run shows nothing.');
    expect(text).not.toContain('|---');
  });

  it('keeps names and reasons from becoming markup or table cells', () => {
    const hostile = sampleVerdict({
      title: 'a|b\\|c',
      reason: '<img src=x onerror=alert(1)> `code` *b* [l](http://x) ]]>\nsecond | line \u001b[2J',
    });
    const text = summary(sampleVerdictFile([hostile]));
    const [cells] = rows(text);
    expect(cells).toHaveLength(3);
    expect(cells?.[0]).toContain('a\\|b&#92;\\|c');
    expect(cells?.[2]).toContain(
      '&lt;img src=x onerror=alert(1)&gt; \\`code\\` \\*b\\* \\[l\\](http://x) \\]\\]&gt; second \\| line',
    );
    expect(text).not.toContain('\u001b');
  });

  it('stays below 60 kB whatever the reasons hold, counts what it leaves out, and keeps the failures', () => {
    const verdicts = Array.from({ length: 200 }, (_, index) =>
      sampleVerdict({
        id: `check@${index}`,
        verdict: index === 199 ? 'fail' : 'pass',
        reason: '\u0001<写>'.repeat(400),
      }),
    );
    const remarks = Array.from({ length: 5_000 }, (_, index) => `remark ${index}`);
    const figures = remarks.map((name) => ({ name, value: 1, unit: 's' }));
    const costs = remarks.map((fault) => ({ fault, data: ['0 lost'], time: [], service: [] }));
    const rules = remarks.map((alert) => ({ alert, findings: [], ...CLAIMS }));
    const text = summary(sampleVerdictFile(verdicts, { remarks, figures, costs, alerts: { rules } }));
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(60_000);
    expect(text).toContain('check@199');
    expect(text.match(/and \d+ more in verdict\.json/g)).toHaveLength(5);
    const shown = text.match(/check@/g)?.length ?? 0;
    expect(text).toContain(`and ${200 - shown} more in verdict.json`);
  });
});
