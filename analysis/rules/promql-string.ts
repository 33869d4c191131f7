/** String literals of PromQL follow Go's (https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals). */
const ESCAPES: Record<string, string> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** The text between the quotes; null where an escape sequence is none. Between backquotes nothing is escaped. */
export function unquote(literal: string): string | null {
  const quote = literal[0];
  const inner = literal.slice(1, -1);
  if (quote === '`') return inner;
  let text = '';
  for (const [found, code, escaped] of inner.matchAll(
    /\\(x[\da-f]{2}|u[\da-f]{4}|U[\da-f]{8}|[0-7]{3})|\\([^])|[^\\]+/gi,
  )) {
    if (code !== undefined)
      text += String.fromCodePoint(
        /^\d/.test(code) ? Number.parseInt(code, 8) : Number.parseInt(code.slice(1), 16) % 0x11_00_00,
      );
    else if (escaped === undefined) text += found;
    else {
      const meant = ESCAPES[escaped];
      if (meant === undefined || ((escaped === "'" || escaped === '"') && escaped !== quote)) return null;
      text += meant;
    }
  }
  return text;
}
