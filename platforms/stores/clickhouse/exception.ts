/** Errors in the words of a ClickHouse server: a code, a name, and the HTTP status that goes with them. */

/** What this server refuses itself; the engine's own errors have the same form. */
export class Exception extends Error {
  override readonly name = 'Exception';
  readonly code: number;

  constructor(code: number, errorName: string, text: string) {
    super(`Code: ${code}. DB::Exception: ${text}. (${errorName})`);
    this.code = code;
  }
}

const UNKNOWN_EXCEPTION = 1002;

/** By error name, as src/Server/HTTP/exceptionCodeToHTTPStatus.cpp of ClickHouse has them; all others are 500. */
const STATUS: readonly [status: number, names: RegExp][] = [
  [401, /^REQUIRED_PASSWORD$/],
  [403, /^(UNKNOWN_USER|WRONG_PASSWORD|AUTHENTICATION_FAILED|SET_NON_GRANTED_ROLE|ACCESS_DENIED)$/],
  [
    400,
    /^(BAD_ARGUMENTS|CANNOT_COMPILE_REGEXP|CANNOT_PARSE_(TEXT|ESCAPE_SEQUENCE|QUOTED_STRING|DATE|DATETIME|NUMBER|DOMAIN_VALUE_FROM_STRING|IPV4|IPV6|UUID|INPUT_ASSERTION_FAILED)|DUPLICATE_COLUMN|ILLEGAL_COLUMN|THERE_IS_NO_COLUMN|UNKNOWN_ELEMENT_IN_AST|UNKNOWN_TYPE_OF_AST_NODE|TOO_DEEP_AST|TOO_BIG_AST|UNEXPECTED_AST_STRUCTURE|SYNTAX_ERROR|INCORRECT_DATA|TYPE_MISMATCH|VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE)$/,
  ],
  [
    404,
    /^UNKNOWN_(TABLE|FUNCTION|IDENTIFIER|TYPE|STORAGE|DATABASE|SETTING|DIRECTION_OF_SORTING|AGGREGATE_FUNCTION|FORMAT|DATABASE_ENGINE|TYPE_OF_QUERY|ROLE)$/,
  ],
  [408, /^TIMEOUT_EXCEEDED$/],
  [413, /^QUERY_IS_TOO_LARGE$/],
  [501, /^NOT_IMPLEMENTED$/],
  [503, /^(SOCKET_TIMEOUT|CANNOT_OPEN_FILE|CANNOT_SCHEDULE_TASK|TOO_MANY_SIMULTANEOUS_QUERIES)$/],
];

/** Code, HTTP status and body of an error, wherever it comes from. `version` is the engine's. */
export function answerOf(error: unknown, version: string): { code: number; status: number; body: string } {
  const said = error instanceof Error ? error.message : String(error);
  const code = Number(/^Code: (\d+)\./.exec(said)?.[1] ?? UNKNOWN_EXCEPTION);
  const name = /\(([A-Z][A-Z0-9_]+)\)\s*$/.exec(said)?.[1] ?? 'UNKNOWN_EXCEPTION';
  const status = STATUS.find(([, names]) => names.test(name))?.[0] ?? 500;
  const text =
    code === UNKNOWN_EXCEPTION ? `Code: ${code}. DB::Exception: ${said}. (${name})` : said.trimEnd();
  return { code, status, body: `${text} (version ${version} (chdb))\n` };
}
