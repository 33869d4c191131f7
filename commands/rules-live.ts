/** `proofload rules --prometheus`: what a Prometheus says of rules, asked until no question is open (docs/rules.md). */
import { sampleValue } from '../analysis/alerts/query-values.ts';
import { type Answer, keyOf, type Question } from '../analysis/rules/live/inquiry.ts';
import { type Judged, judgeLive } from '../analysis/rules/live/judge.ts';
import type { Known } from '../analysis/rules/live/live.ts';
import { HISTORY } from '../analysis/rules/live/query-text.ts';
import type { RuleFile } from '../analysis/rules/rule-file.ts';
import { ruleSet } from '../analysis/rules/set.ts';
import { type PrometheusApi, prometheusApi, PrometheusError } from '../harness/prometheus-api.ts';
import { parseDurationMs } from '../record/duration.ts';
import { UsageError } from '../record/model.ts';
import { reasonOf } from '../record/reason.ts';
import { printable } from '../record/report.ts';

/** Each round asks what the answers of the last one have raised; judging asks three at most, one after another. */
const MAX_ROUNDS = 10;
/** After so many questions in a row without an answer nobody is there. */
const MAX_SILENT = 5;

export interface LiveResult extends Pick<Judged, 'findings' | 'unanswered'> {
  /** All targets are scraped this often; null: they differ, or there is none. */
  scrapeIntervalMs: number | null;
}

/** Throws UsageError for an address that is none, where nobody answers, and for a Prometheus that has no data. */
export async function askPrometheus(
  files: readonly RuleFile[],
  address: string,
  signal: AbortSignal,
): Promise<LiveResult> {
  const api = prometheusApi(address, { signal });
  const toMs = Date.now();
  const stretch = { fromMs: toMs - (parseDurationMs(HISTORY) ?? 0), toMs };
  const { known, scrapeIntervalMs } = await knownOf(api, stretch);
  const set = ruleSet(files, scrapeIntervalMs);
  const answers = new Map<string, Answer>();
  let silent = 0;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const { open, ...judged } = judgeLive(set, known, answers);
    if (open.size === 0) return { ...judged, scrapeIntervalMs };
    for (const question of open.values()) {
      const answer = await answerOf(api, question, { ...stretch, signal });
      silent = answer.kind === 'unanswered' ? silent + 1 : 0;
      if (silent >= MAX_SILENT && answer.kind === 'unanswered')
        throw new UsageError(
          `${printable(answer.why)}: ${MAX_SILENT} questions in a row went without an answer`,
        );
      answers.set(keyOf(question), answer);
    }
  }
  throw new Error(`questions were still open after ${MAX_ROUNDS} rounds`);
}

interface Stretch {
  fromMs: number;
  toMs: number;
}

async function knownOf(
  api: PrometheusApi,
  stretch: Stretch,
): Promise<{ known: Known; scrapeIntervalMs: number | null }> {
  try {
    const names = await api.labelValues('__name__', stretch);
    if (names.length === 0)
      throw new UsageError(
        `the Prometheus has no series within ${HISTORY}, so nothing can be said of any rule: ask one that scrapes what the rules are about`,
      );
    const metadata = await api.metadata();
    const groups = await api.rules();
    const targets = await api.targets();
    const intervals = new Set(targets.map(({ scrapeInterval }) => parseDurationMs(scrapeInterval ?? '')));
    const [interval] = intervals;
    return {
      known: {
        names: new Set(names),
        types: new Map(
          Object.entries(metadata).map(([name, said]) => [name, [...new Set(said.map(({ type }) => type))]]),
        ),
        loaded: groups.flatMap(({ name, rules }) => rules.map((rule) => loadedRule(name, rule))),
        unscraped: targets.filter(({ health }) => health !== 'up').map(({ labels }) => targetName(labels)),
      },
      scrapeIntervalMs: intervals.size === 1 && interval !== undefined ? interval : null,
    };
  } catch (error) {
    if (error instanceof PrometheusError) throw new UsageError(`--prometheus: ${printable(error.message)}`);
    throw error;
  }
}

type Loaded = Awaited<ReturnType<PrometheusApi['rules']>>[number]['rules'][number];

function loadedRule(group: string, rule: Loaded): Known['loaded'][number] {
  return {
    group,
    kind: rule.type === 'alerting' ? 'alert' : 'record',
    name: rule.name,
    expr: rule.query,
    forMs: rule.duration * 1_000,
    keepFiringForMs: rule.keepFiringFor * 1_000,
    labels: rule.labels,
    health: rule.health,
    lastError: rule.lastError,
  };
}

function targetName({ job = '', instance = '' }: Record<string, string>): string {
  return `${job} ${instance}`.trim();
}

async function answerOf(
  api: PrometheusApi,
  question: Question,
  { signal, ...stretch }: Stretch & { signal: AbortSignal },
): Promise<Answer> {
  try {
    if (question.kind === 'format') return { kind: 'text', text: await api.format(question.expr) };
    if (question.kind === 'values') {
      const { label, selector } = question;
      return { kind: 'values', values: await api.labelValues(label, { selector, ...stretch }) };
    }
    const { result, warnings, infos } = await api.query(question.expr, stretch.toMs);
    const samples = result.map(({ labels, value }) => ({
      labels,
      value: value === null ? Number.NaN : sampleValue(value),
    }));
    return { kind: 'result', result: { samples, warnings, infos } };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof PrometheusError)) throw error;
    return { kind: error.refused ? 'refused' : 'unanswered', why: reasonOf(error) };
  }
}
