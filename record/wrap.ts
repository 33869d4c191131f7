/** Lines for a terminal or a table's cell. */
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** East Asian wide and full-width blocks (https://www.unicode.org/reports/tr11/) and pictographs take two columns. */
const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{1B2FF}\u{1F000}-\u{1FAFF}\u{20000}-\u{3FFFD}]|\p{Extended_Pictographic}/u;

/** Columns of one grapheme; of a sequence an upper bound, because what is too wide for its cell would be cut off. */
function graphemeWidth(grapheme: string): number {
  let total = 0;
  for (const character of grapheme) {
    if (/[\u0300-\u036F]/.test(character)) continue;
    total += WIDE.test(character) ? 2 : 1;
  }
  return total;
}

/**
 * Breaks one line at blanks, and inside a word only where the word alone is too wide: the table's own wrapping
 * would cut such a word off, and a pod's name or a sentence in Chinese is one word.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  const end = () => {
    if (line.trimEnd() !== '') lines.push(line.trimEnd());
    line = '';
    used = 0;
  };
  for (const word of text.split(/(?<= )(?=[^ ])/)) {
    const parts = [...graphemes.segment(word)].map(({ segment }) => segment);
    const wordWidth = parts.reduce((sum, part) => sum + graphemeWidth(part), 0);
    const blanks = word.length - word.trimEnd().length;
    if (used + wordWidth - blanks > width && used > 0) end();
    for (const part of parts) {
      const partWidth = graphemeWidth(part);
      if (used + partWidth > width) {
        if (part === ' ') continue;
        end();
      }
      line += part;
      used += partWidth;
    }
  }
  end();
  return lines;
}
