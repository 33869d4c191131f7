import type { Finding } from '../finding.ts';
import { mayHave } from '../label-set.ts';
import { joinOf } from '../matching.ts';
import { inEveryPart, type RuleSet, source } from '../set.ts';

export const title = 'A group by a label that is gone already';
export const severity = 'warning';

export function find({ rules, facts }: RuleSet): Finding[] {
  return inEveryPart(rules, (part, rule) => {
    const said = (label: string, of: string) => ({
      why: `${of} has no label ${label}: it is left out, or was summed away inside.`,
      fix: `Keep ${label} inside, or leave it out here.`,
    });
    if (part.kind === 'aggregate' && part.grouping?.by) {
      const { labels } = facts(part.of);
      const lost = part.grouping.labels.find((label) => !mayHave(labels, label));
      return lost === undefined ? null : said(lost, source(rule, part.of));
    }
    const join = joinOf(part);
    if (join === null || join.group === null) return null;
    const one = join.group.many === 'left' ? join.right : join.left;
    const lost = join.group.include.find((label) => !mayHave(facts(one).labels, label));
    return lost === undefined ? null : said(lost, source(rule, one));
  });
}
