// The list of kept conversations in groups, what of an address may be opened, and an answer as Markdown. Pure.
import { expect, test } from 'vitest';
import { answerAsMarkdown } from '../../entrypoints/panel/history/export.ts';
import { grouped, linkTo, nameOf, siteName } from '../../entrypoints/panel/history/groups.ts';
import type { ThreadCard } from '../../lib/connection/protocol.ts';

const NOW = new Date(2026, 10, 29, 12);
const card = (id: string, updated: Date, pinned = false): ThreadCard => ({ id, name: '', title: id, address: 'https://a.example/', copilot: 'a/b', turns: 1, pinned, created_ms: 1, updated_ms: updated.getTime() });

test('threads stand under pinned, today, yesterday and earlier', () => {
  const threads = [card('p', new Date(2020, 1, 1), true), card('a', new Date(2026, 10, 29, 0, 1)), card('f', new Date(2026, 10, 30)), card('b', new Date(2026, 10, 28, 0, 1)), card('c', new Date(2026, 10, 27, 23))];
  expect(grouped(threads, NOW).map(({ name, threads: some }) => [name, some.map(({ id }) => id).join('')])).toEqual([['pinned', 'p'], ['today', 'af'], ['yesterday', 'b'], ['earlier', 'c']]);
  expect(grouped([], NOW)).toEqual([]);
});

test.each([
  ['https://a.example/x', 'https://a.example/x', 'a.example'],
  ['http://127.0.0.1:8000/x', 'http://127.0.0.1:8000/x', '127.0.0.1:8000'],
  ['javascript:alert(1)', null, 'javascript:alert(1)'],
  ['data:text/html,x', null, 'data:text/html,x'],
  ['file:///home/me/x.html', null, 'file:///home/me/x.html'],
  ['lease.md', null, 'lease.md'],
])('only a web page is opened by a click: %s', (address, link, site) => {
  expect([linkTo(address), siteName(address)]).toEqual([link, site]);
});

test("a conversation has the user's name, else the page's, else the address", () => {
  const one = card('Title', NOW);
  expect([nameOf({ ...one, name: 'Mine' }), nameOf(one), nameOf({ ...one, title: '' })]).toEqual(['Mine', 'Title', 'https://a.example/']);
});

test('an answer is copied with its question, its quotes and the address', () => {
  const quotes = [{ text: 'two\nyears', verified: true, at: 0, block: 2, start: 0, end: 1 }, { text: 'none', verified: false, at: 0, block: null, start: null, end: null }];
  expect(answerAsMarkdown({ question: 'How long?', answer: 'Two **years**.', quotes }, { title: 'The lease', url: 'https://a.example/x' })).toBe(
    '**How long?**\n\nTwo **years**.\n\n> two years (block 2)\n\n> none (not on the page)\n\nThe lease, https://a.example/x',
  );
});

test('what comes from a page is text: no image is loaded and no HTML is run', () => {
  const text = answerAsMarkdown({ question: '<b>', answer: '![x](https://evil.example/) <img src=x>', quotes: [] }, { title: '[a](javascript:x)', url: 'x' });
  expect(text).not.toMatch(/(?<!\\)!\[|(?<!\\)<|(?<!\\)\[a/);
});
