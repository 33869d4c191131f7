/** What a wait rejects with when the run was told to end. */
export function abortError(doing: string): Error {
  const error = new Error(`interrupted: ${doing}`);
  error.name = 'AbortError';
  return error;
}
