import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { readStatement, refuseSetting } from './statement.ts';

const none = Buffer.alloc(0);
const sqlOf = (sql: string) => readStatement(sql, none);

describe('an insert of data', () => {
  it.each([
    ['INSERT INTO t FORMAT JSONEachRow', 'INSERT INTO t ', 'FORMAT JSONEachRow'],
    ['insert into d.t (a, b) format RowBinary', 'insert into d.t (a, b) ', 'format RowBinary'],
    [
      'INSERT INTO `d`.`a b` (`x)`) SETTINGS max_insert_threads = 1, x=2 FORMAT CSV',
      'INSERT INTO `d`.`a b` (`x)`) ',
      'SETTINGS max_insert_threads = 1, x=2 FORMAT CSV',
    ],
    ['/* FORMAT no */ INSERT INTO TABLE t FORMAT TSV', '/* FORMAT no */ INSERT INTO TABLE t ', 'FORMAT TSV'],
  ])('is taken apart: %s', (words, into, how) => {
    const data = Buffer.from('1\t2\n');
    expect(readStatement(words, data)).toEqual({ kind: 'data', into, how, data });
    expect(readStatement('', Buffer.concat([Buffer.from(`${words}\n`), data]))).toEqual({
      kind: 'data',
      into,
      how,
      data,
    });
  });

  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  test.prop([bytes], { seed: 1 })('keeps the bytes of the body as they are', (data) => {
    expect(readStatement('INSERT INTO t FORMAT RowBinary', data)).toHaveProperty('data', data);
  });
  const text = fc.stringMatching(/^[a-z '"`;\\\n-]{0,40}$/);
  test.prop([text, bytes], { seed: 2 })('finds where the words end, whatever is in quotes', (name, data) => {
    const quoted = `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
    const statement = readStatement(`INSERT INTO ${quoted} FORMAT RowBinary`, data);
    expect(statement).toEqual({
      kind: 'data',
      into: `INSERT INTO ${quoted} `,
      how: 'FORMAT RowBinary',
      data,
    });
  });

  it('is left to the engine when the rows are part of the SQL', () => {
    for (const sql of ["INSERT INTO t VALUES (1, ';')", 'INSERT INTO t SELECT 1 FORMAT Null'])
      expect(sqlOf(sql)).toHaveProperty('kind', 'sql');
  });
});

describe('a statement', () => {
  it.each([
    ['SELECT 1', null],
    ['SELECT 1 FORMAT JSON', 'JSON'],
    ['SELECT 1 FORMAT JSON SETTINGS max_threads = 1;', 'JSON'],
    ["SELECT 'FORMAT JSON'", null],
    ['SELECT 1 -- FORMAT JSON', null],
  ])('says the format of its answer: %s', (sql, format) => {
    expect(sqlOf(sql)).toHaveProperty('format', format);
  });

  it('may be cut in two, and may end with a semicolon', () => {
    expect(readStatement('SELECT', Buffer.from('1;'))).toHaveProperty('sql', 'SELECT\n1;');
  });

  it.each([
    ['SELECT 1; SELECT 2', 62],
    ['SELECT 1; -- no more', null],
    ["SELECT ';DROP TABLE t'", null],
    ["SELECT * FROM t INTO OUTFILE '/x'", 48],
    ["INSERT INTO t FROM INFILE '/x' FORMAT CSV", 48],
    ["SELECT 'INTO OUTFILE'", null],
    ['INSERT INTO t SETTINGS async_insert = 1 VALUES (1)', 48],
    ['INSERT INTO t SETTINGS async_insert=1 FORMAT CSV', 48],
    ['INSERT INTO t SETTINGS async_insert=0 VALUES (1)', null],
    ["SELECT name FROM system.settings WHERE name = 'async_insert=1'", null],
    ['SELECT 1\0', 62],
  ])('is refused or taken: %s', (sql, code) => {
    if (code === null) expect(sqlOf(sql)).toHaveProperty('kind', 'sql');
    else expect(() => sqlOf(sql)).toThrow(expect.objectContaining({ code }));
  });

  it('has to be UTF-8', () => {
    expect(() => readStatement('', Buffer.from([0x53, 0xff]))).toThrow(/UTF-8/);
  });
});

it('refuses what only a server could obey, unless it is off', () => {
  for (const name of [
    'async_insert',
    'wait_for_async_insert',
    'insert_quorum',
    'http_headers_progress_interval_ms',
  ])
    expect(() => refuseSetting(name, '1')).toThrow(name);
  expect(() => refuseSetting('async_insert', '0')).not.toThrow();
  expect(() => refuseSetting('max_threads', '1')).not.toThrow();
});
