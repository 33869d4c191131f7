/** What a wait rejects with when Ctrl-C ended it: neither bad input nor a defect. Its name is that of Node's own AbortError. */
export function abortError(what: string, cause?: unknown): Error {
  const error = new Error(`${what}: interrupted`, { cause });
  error.name = 'AbortError';
  return error;
}
