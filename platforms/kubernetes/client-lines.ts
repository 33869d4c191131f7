/** Lines of a stream, as they come: watches and logs. */
import { StringDecoder } from 'node:string_decoder';

/**
 * A line longer than `maxChars` comes in pieces, so that a server cannot fill the memory. What stands after the last line
 * feed comes last, when the stream ends.
 */
export async function* splitLines(chunks: AsyncIterable<Buffer>, maxChars: number): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + decoder.write(chunk)).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) yield* pieces(part, maxChars);
    for (; rest.length > maxChars; rest = rest.slice(maxChars)) yield rest.slice(0, maxChars);
  }
  rest += decoder.end();
  if (rest !== '') yield* pieces(rest, maxChars);
}

function* pieces(line: string, maxChars: number): Generator<string> {
  if (line === '') yield line;
  for (let at = 0; at < line.length; at += maxChars) yield line.slice(at, at + maxChars);
}
