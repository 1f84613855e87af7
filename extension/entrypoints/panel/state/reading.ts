// Whether two readings of a page read the same text, and whether an answer is about the text that is there now. Pure. Called by store and answer.
import { toHex } from '../../../lib/connection/pairing.ts';
import type { PageState } from './state.ts';
import type { Turn } from './thread.ts';

/** The same for the same blocks, and different for any others: a digest of equal length for each page, one behind the other. */
export async function digestOf(readings: string[][]): Promise<string> {
  const digests = readings.map(async (blocks) => toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(blocks))))));
  return (await Promise.all(digests)).join('');
}

/** True when a page has changed under the answer; not for a tab that came later. While it is being read again nobody knows: false. */
export function isOutdated(turn: Pick<Turn, 'reading'>, page: Pick<PageState, 'reading' | 'moved'>): boolean {
  if (turn.reading === '' || page.reading === '') return false;
  return page.moved || !page.reading.startsWith(turn.reading);
}

/** Without what stands behind `#`. */
export function addressOf(url: string | undefined): string | undefined {
  return url?.split('#')[0];
}
