// A passage that lies under the sidebar comes to light, however long the page scrolls to it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Sidebar } from '../../lib/sidebar/sidebar.ts';
import { uncover } from '../../lib/sidebar/uncover.ts';

const CARD = new DOMRect(800, 100, 400, 600);
const FREE = new DOMRect(16, 100, 400, 600);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A passage that stands at 300 px, right under the card, once the page has scrolled for so long. */
function passage(scrolls_ms: number): Range {
  const began = Date.now();
  const top = (): number => 300 + Math.max(0, scrolls_ms - (Date.now() - began)) * 10;
  return { startContainer: { ownerDocument: document }, getClientRects: () => [new DOMRect(900, top(), 200, 20)] } as unknown as Range;
}

function card(canStepAside = true): { sidebar: Sidebar; did: string[] } {
  const did: string[] = [];
  const covers = (): DOMRect => (canStepAside && did.at(-1) === 'aside' ? FREE : CARD);
  return { sidebar: { isSheet: false, covers, stepAside: () => did.push('aside'), fold: () => did.push('fold') } as unknown as Sidebar, did };
}

test.each([0, 500, 1_500, 3_000])('after a scroll of %d ms the card steps aside', async (scrolls_ms) => {
  const { sidebar, did } = card();
  const done = uncover(passage(scrolls_ms), sidebar, new AbortController().signal);
  document.dispatchEvent(new Event('scrollend')); // of an earlier scroll
  await vi.advanceTimersByTimeAsync(5_000);
  await done;
  expect(did).toEqual(['aside']);
});

test('a card that covers it on either side folds', async () => {
  const { sidebar, did } = card(false);
  const done = uncover(passage(0), sidebar, new AbortController().signal);
  await vi.advanceTimersByTimeAsync(5_000);
  await done;
  expect(did).toEqual(['aside', 'aside', 'fold']);
});

test('nothing moves for a passage that is no longer wanted', async () => {
  const { sidebar, did } = card();
  const wanted = new AbortController();
  const done = uncover(passage(1_000), sidebar, wanted.signal);
  wanted.abort();
  await vi.advanceTimersByTimeAsync(5_000);
  await done;
  expect(did).toEqual([]);
});
