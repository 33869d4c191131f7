import { expect, it } from 'vitest';
import { answerOf, Exception } from './exception.ts';

it.each([
  ['Code: 60. DB::Exception: Table d.t does not exist. (UNKNOWN_TABLE)', 60, 404],
  ['Code: 81. DB::Exception: Database d does not exist. (UNKNOWN_DATABASE)', 81, 404],
  ['Code: 62. DB::Exception: Syntax error. (SYNTAX_ERROR)', 62, 400],
  ['Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)', 164, 500],
  ['Code: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED)', 159, 408],
])('gives code and status of %s', (said, code, status) => {
  expect(answerOf(new Error(said), '26.7')).toEqual({
    code,
    status,
    body: `${said} (version 26.7 (chdb))\n`,
  });
});

it('has a code for what is no error of the engine, too', () => {
  expect(answerOf(new Error('no space left'), '26.7')).toMatchObject({
    code: 1002,
    status: 500,
    body: 'Code: 1002. DB::Exception: no space left. (UNKNOWN_EXCEPTION) (version 26.7 (chdb))\n',
  });
  expect(answerOf(new Exception(516, 'AUTHENTICATION_FAILED', 'no'), '26.7')).toMatchObject({
    code: 516,
    status: 403,
  });
});
