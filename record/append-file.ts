/**
 * A file that grows line by line while a run goes on, each line handed to the kernel before the call returns. On a disk that is full, the
 * lines wait in memory and are written, in order, as soon as there is room again; what is on disk ends with a whole line.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';

export class AppendFile {
  readonly #file: string;
  readonly #waiting: Buffer[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  /** Returns why it, or a line before it, is not on disk yet; null = all are. Throws nothing. */
  append(line: string): Error | null {
    this.#waiting.push(Buffer.from(`${line}\n`));
    return this.flush();
  }

  /** Tries again what waits; as `append`. */
  flush(): Error | null {
    try {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        writeWhole(this.#file, next);
        this.#waiting.shift();
      }
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}

/** Opened each time: nothing has to be closed, and a reader may look at any moment. Throws what the system says; then nothing was written. */
function writeWhole(file: string, content: Buffer): void {
  const fd = openSync(file, 'a');
  try {
    const { size } = fstatSync(fd);
    try {
      let written = 0;
      // The last room of a disk takes a part of a line.
      while (written < content.length) written += writeSync(fd, content, written);
    } catch (error) {
      ftruncateSync(fd, size);
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}
