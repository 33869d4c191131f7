/** What must be known of a statement before the engine gets it: whether data follows, and whether it asks for what is not there. */
import { Exception } from './exception.ts';

/** An insert's words may be this long, bytes; its data may be longer. */
const MAX_INSERT_WORDS_BYTES = 64 * 1024;

/** Comments, strings in their three quotes, and heredocs. */
const OPAQUE =
  /(?:--|#[! ])[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"|`(?:[^`\\]|\\[\s\S])*`|\$(\w*)\$[\s\S]*?\$\1\$/g;
const COMMENT = /^(--|#|\/\*)/;

/** The same length: comments are blanks, and what is in quotes is one long word. */
function masked(sql: string): string {
  return sql.replace(OPAQUE, (found) => (COMMENT.test(found) ? ' ' : '_').repeat(found.length));
}

const INSERT =
  /^(\s*INSERT\s+(?:INTO\s+)?(?:TABLE\s+)?[\w.]+\s*(?:\([^()]*\)\s*)?)((?:SETTINGS\s[^()]*?\s)?FORMAT\s+(\w+))[ \t]*;?[ \t]*(?:\r?\n)?/i;

/** An insert whose data is not part of its SQL: `INSERT INTO t (a, b)`, `SETTINGS ... FORMAT x`, and the bytes. */
interface InsertOfData {
  kind: 'data';
  into: string;
  how: string;
  data: Buffer;
}

export type Statement = InsertOfData | { kind: 'sql'; sql: string; format: string | null };

/**
 * `query` is the URL's parameter, `body` the request's: they follow each other, as in a ClickHouse server. Throws an Exception for what
 * this server does not do.
 */
export function readStatement(query: string, body: Buffer): Statement {
  // As bytes: data behind the words may be in any format.
  const words = Buffer.from(query === '' ? '' : `${query}\n`);
  // The usual insert: all of its words in the one, all of its data in the other, which then need not be looked at.
  const plain = readInsert(words);
  if (plain?.data.length === 0) return { ...plain, data: body };
  const all = query === '' ? body : Buffer.concat([words, body]);
  const insert = readInsert(all);
  if (insert !== null) return insert;
  const sql = textOf(all);
  const bare = masked(sql);
  refuse(bare);
  const format = /\bFORMAT\s+(\w+)\s*(?:SETTINGS\s[^()]*)?;?\s*$/i.exec(bare)?.[1] ?? null;
  return { kind: 'sql', sql, format };
}

/** Null for what is no insert of data. */
function readInsert(all: Buffer): InsertOfData | null {
  const head = masked(all.subarray(0, MAX_INSERT_WORDS_BYTES).toString('latin1'));
  const insert = INSERT.exec(head);
  if (insert === null) return null;
  const [words, into = '', how = ''] = insert;
  const at = into.length;
  refuse(head.slice(0, words.length));
  return {
    kind: 'data',
    into: all.subarray(0, at).toString(),
    how: all.subarray(at, at + how.length).toString(),
    data: all.subarray(words.length),
  };
}

function textOf(bytes: Buffer): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch {
    // Said below.
  }
  throw new Exception(62, 'SYNTAX_ERROR', 'The statement is not UTF-8 text without zero bytes');
}

function refuse(bare: string): void {
  if (/;\s*[^\s;]/.test(bare)) throw new Exception(62, 'SYNTAX_ERROR', 'Multi-statements are not allowed');
  if (/\b(INTO\s+OUTFILE|FROM\s+INFILE)\b/i.test(bare))
    throw new Exception(48, 'NOT_IMPLEMENTED', 'INTO OUTFILE and FROM INFILE are for a local client');
  for (const [, name = '', value = ''] of bare.matchAll(/\b(\w+)\s*=\s*(\w+)/g)) refuseSetting(name, value);
}

/** Settings that the engine would take, and that only a server around it could obey. */
const SERVER_ONLY =
  /^(async_insert\w*|wait_for_async_insert\w*|http_\w+|send_progress_in_http_headers|cancel_http_readonly_queries_on_client_close|add_http_cors_header|log_queries\w*|insert_quorum\w*|select_sequential_consistency|max_concurrent_queries_for_\w+|queue_max_wait_ms|priority|workload)$/;

/** Throws for a setting that cannot be obeyed here: a real server obeys or refuses, too. Off is what it is anyway. */
export function refuseSetting(name: string, value: string): void {
  if (SERVER_ONLY.test(name) && value !== '0')
    throw new Exception(
      48,
      'NOT_IMPLEMENTED',
      `Setting ${name} = ${value} is for a ClickHouse server; this is its engine behind a small HTTP server (chdb)`,
    );
}
