/** What an error says, for a line of text. Anything can be thrown, so it is looked at first. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
