// Whether two readings of a page read the same text, and whether an answer is about the text that is there now. Pure. Called by store and answer.
import { toHex } from '../../../lib/connection/pairing.ts';
import type { PageState } from './state.ts';
import type { Turn } from './thread.ts';

/** The same for the same blocks, and different for any others. */
export async function digestOf(blocks: string[]): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(blocks));
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/** True when the page has changed under the answer. While it is being read again nobody knows: false. */
export function isOutdated(turn: Pick<Turn, 'reading'>, page: Pick<PageState, 'reading' | 'moved'>): boolean {
  if (turn.reading === '' || page.reading === '') return false;
  return page.moved || turn.reading !== page.reading;
}
