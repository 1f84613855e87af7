// Which copilots the picker shows first.
import { expect, test } from 'vitest';
import { search, sections } from '../lib/picker.ts';
import { remember, toggle } from '../lib/shortlist.ts';
import type { CopilotCard } from '../lib/connection/protocol.ts';

const card = (id: string, name: string, promise = ''): CopilotCard => {
  const [category = ''] = id.split('/');
  return { id, name, category, category_name: category.toUpperCase(), icon: '', promise, starters: [], mode: 'tuned', refused: null, trainable: false, own: false };
};

const CARDS = [
  card('general/generalist', 'Generalist'),
  card('legal/contract-review', 'Contract Reviewer'),
  card('legal/privacy', 'Privacy Reader'),
  card('finance/fees', 'Fee Finder', 'Finds costs in a contract'),
];
const ids = (cards: CopilotCard[]): string[] => cards.map(({ id }) => id);

test('search wants every word, in any order, and puts names before promises', () => {
  expect(ids(search(CARDS, 'contract'))).toEqual(['legal/contract-review', 'finance/fees']);
  expect(ids(search(CARDS, 'legal pri'))).toEqual(['legal/privacy']);
  expect(ids(search(CARDS, 'reader privacy'))).toEqual(['legal/privacy']);
  expect(search(CARDS, 'zebra')).toEqual([]);
  expect(search(CARDS, '(.*')).toEqual([]);
});

test.each([['contrct', 'legal/contract-review'], ['privcay', 'legal/privacy'], ['FEE', 'finance/fees'], ['prüfer', 'own/pruefer'], ['مراجع', 'own/arabic']])('search forgives a slip, case and accents: %s', (query, id) => {
  const cards = [...CARDS, card('own/pruefer', 'Vertrags-Prüfer'), card('own/arabic', 'مراجع العقود')];
  expect(ids(search(cards, query))[0]).toBe(id);
});

test('without a query: suggested, favourites, recent, then categories, nobody twice above the categories', () => {
  const list = sections(CARDS, { suggested: ['legal/contract-review'], favourites: ['finance/fees', 'legal/contract-review'], recent: ['legal/privacy', 'finance/fees', 'gone/away'] });
  expect(list.map(({ id }) => id)).toEqual(['suggested', 'favourites', 'recent', 'general', 'legal', 'finance']);
  expect(list.slice(0, 3).map(({ cards }) => ids(cards))).toEqual([['legal/contract-review'], ['finance/fees'], ['legal/privacy']]);
});

test('a favourite is added at the end and taken out again, fifty at most', () => {
  expect(toggle(['a'], 'b')).toEqual(['a', 'b']);
  expect(toggle(['a', 'b'], 'a')).toEqual(['b']);
  const full = Array.from({ length: 50 }, (_, n) => `c${n}`);
  expect(toggle(full.slice(1), 'new')).toHaveLength(50);
  expect(toggle(full, 'new')).toEqual([...full.slice(1), 'new']);
});

test('remembers the last five, newest first', () => {
  expect(remember(['a', 'b', 'c', 'd', 'e'], 'c')).toEqual(['c', 'a', 'b', 'd', 'e']);
  expect(remember(['a', 'b', 'c', 'd', 'e'], 'f')).toEqual(['f', 'a', 'b', 'c', 'd']);
});
