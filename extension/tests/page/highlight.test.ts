// From a passage back to a Range in the page: exact offsets first, folded words second, nothing when it is gone.
import { beforeEach, expect, test, vi } from 'vitest';
import type { Block } from '../../lib/page/block.ts';
import { visibleBlocks } from '../../lib/page/blocks.ts';
import { findFolded, fold } from '../../lib/page/fold.ts';
import { clear, clearPreview, paint, paintPreview, rangeIn, rangeOf } from '../../lib/page/highlight.ts';

let blocks: Block[];

beforeEach(() => {
  const html = '<p>The “late fee” is <b>five pounds</b>\n   a week — no more. 😀 Done.</p><table><tr><td>Town</td><td>18 pounds</td></tr></table>';
  document.body.replaceChildren(document.createRange().createContextualFragment(html));
  blocks = visibleBlocks(document.body);
});

const folded = (range: Range | null): string => (range ? range.toString().replace(/\s+/g, ' ') : 'none');

test('offsets give the exact words, over element borders and folded white space', () => {
  const text = blocks[0]?.text ?? '';
  const start = text.indexOf('five');
  const passage = { block: 1, start, end: start + 'five pounds a week'.length, text: 'five pounds a week' };
  expect(folded(rangeOf(blocks, passage))).toBe('five pounds a week');
});

test('offsets count UTF-16 units', () => {
  const text = blocks[0]?.text ?? '';
  const start = text.indexOf('Done');
  expect(text.slice(start - 3, start - 1)).toBe('😀');
  expect(folded(rangeOf(blocks, { block: 1, start, end: start + 4, text: 'Done' }))).toBe('Done');
});

test('wrong offsets are not believed: the words are looked for', () => {
  expect(folded(rangeOf(blocks, { block: 1, start: 0, end: 3, text: 'five pounds' }))).toBe('five pounds');
});

test('a quote is found although its quotation marks, dashes and case differ', () => {
  expect(folded(rangeOf(blocks, { block: null, start: null, end: null, text: 'the "late fee" IS' }))).toBe('The “late fee” is');
  expect(folded(rangeOf(blocks, { block: null, start: null, end: null, text: 'week - no more' }))).toBe('week — no more');
});

test('a quote over the cells of a row is found in that row', () => {
  expect(rangeOf(blocks, { block: 2, start: 0, end: 15, text: 'Town; 18 pounds' })?.toString()).toBe('Town18 pounds');
});

test('a citation shows its whole block', () => {
  expect(rangeOf(blocks, { block: 2, start: null, end: null, text: '' })?.toString()).toBe('Town18 pounds');
});

test('words that are not on the page give no range', () => {
  expect(rangeOf(blocks, { block: 1, start: 0, end: 5, text: 'green cheese' })).toBeNull();
  expect(rangeOf(blocks, { block: 99, start: 0, end: 5, text: '' })).toBeNull();
});

test('a block that has left the page gives no range', () => {
  document.body.replaceChildren();
  expect(rangeIn(blocks[0] as Block, 0, 5)).toBeNull();
});

test('a text that has changed since it was read gives no range', () => {
  const piece = blocks[0]?.pieces[0];
  if (piece) piece.node.data = 'Something else entirely';
  expect(rangeIn(blocks[0] as Block, 0, 3)).toBeNull();
});

test('folding keeps the offsets of the original', () => {
  const { text, at } = fold('A\u00ad “B”…  c');
  expect(text).toBe("a 'b'… c");
  expect(at).toHaveLength(text.length + 1);
  expect(findFolded('x  “B”  y', '"b" y')).toEqual([3, 9]);
  expect(findFolded('so 😀😀 it', '😀')).toEqual([3, 5]);
  expect(findFolded('im İstanbul', 'İstanbul')).toEqual([3, 11]);
});

test('a quote is found although the server left out what nobody sees', () => {
  const offer = 'Love it ❤\ufe0f – 5\u202f% off\u{e0041}, ＂now＂';
  expect(findFolded(offer, 'Love it ❤ – 5 % off, “now”')).toEqual([0, offer.length]);
});

test('a preview stands beside what is shown, goes by itself, and goes with it', () => {
  const highlights = new Map<string, unknown>();
  vi.stubGlobal('CSS', { highlights });
  vi.stubGlobal('Highlight', class { priority = 0; });
  vi.stubGlobal('CSSStyleSheet', class { replaceSync = (): void => undefined; });
  vi.stubGlobal('matchMedia', () => ({ matches: true }));
  Object.assign(document, { adoptedStyleSheets: [] });
  const scroll = vi.fn<() => void>();
  Element.prototype.scrollIntoView = scroll;
  const range = rangeIn(blocks[0] as Block, 0, 5) as Range;
  const shown = new AbortController();
  paintPreview(range, shown.signal);
  expect([...highlights.keys()]).toEqual(['retinue-preview']);
  expect(scroll).not.toHaveBeenCalled();
  void paint(range, shown.signal);
  expect([...highlights.keys()]).toEqual(['retinue-quote']);
  paintPreview(range, shown.signal);
  clearPreview();
  expect([...highlights.keys()]).toEqual(['retinue-quote']);
  paintPreview(range, shown.signal);
  clear();
  expect(highlights.size).toBe(0);
  paintPreview(range, shown.signal);
  shown.abort();
  expect(highlights.size).toBe(0);
  vi.unstubAllGlobals();
});
