import type { Finding } from '../finding.ts';
import { mayHave } from '../label-set.ts';
import type { RuleSet } from '../set.ts';

export const title = 'A text that names a label which the alert does not have';
export const severity = 'warning';

/** `$labels` holds the labels of the expression's series, not those that the rule adds (rules/alerting.go). */
export function find({ alerts, facts }: RuleSet): Finding[] {
  return alerts.flatMap((rule) => {
    const { labels } = facts(rule.expr);
    return [...rule.annotations, ...rule.labels].flatMap(([name, { text, line, column }]) =>
      namedIn(text)
        .filter((label) => !mayHave(labels, label))
        .map((label) => ({
          file: rule.file,
          place: { line, column },
          object: `alert ${rule.name}`,
          why: `${name} shows $labels.${label}, and the expression's series have no such label: the text stays empty there.`,
          fix:
            labels.only === null || labels.only.size === 0
              ? `Keep ${label} in the expression, or leave it out of the text.`
              : `It has ${[...labels.only].join(', ')}; keep ${label} in the expression (by, group_left), or leave it out of the text.`,
        })),
    );
  });
}

function namedIn(text: string): string[] {
  if (/\$labels\s*:?=/.test(text)) return [];
  const templates = [...text.matchAll(/\{\{([^]*?)\}\}/g)].map(([, inside = '']) => inside).join(' ');
  const names = [...templates.matchAll(/\$labels\.(\w+)|index \$labels "(\w+)"/g)].map(
    ([, a, b]) => a ?? b ?? '',
  );
  return [...new Set(names)].filter((label) => label !== '__name__');
}
