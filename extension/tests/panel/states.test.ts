// The line above the composer: how much of the page was read.
import { h, render } from 'preact';
import { afterEach, expect, test, vi } from 'vitest';
import { PageNotice, standstillOf } from '../../entrypoints/panel/states.tsx';

vi.mock('../../lib/words.ts', async () => (await import('../fakes/words.ts')).fakeWords);

const box = document.body.appendChild(document.createElement('div'));
afterEach(() => render(null, box));

const NONE = { hosts: [] as string[], share: 0 };

function noticeOf(blocksRead: number, blocksTotal: number, blocksLeftOut = 0, frames = NONE, ordering: number[] = []): string {
  const page = { status: 'ready', moved: false, blocksRead, blocksTotal, ordering, text: { blocksLeftOut, frames } };
  render(h(PageNotice, { store: {}, state: { page, link: { status: 'ready' }, notice: '' } } as never), box);
  return box.textContent ?? '';
}

test.each([
  ['a page that was read whole', 9, 9, 0, ''],
  ['a page that is too long', 9, 12, 0, 'readPart 9 12'],
  ['a page of which the sidebar sent a part', 9, 9, 5, 'readPartUnsent 9 14 5'],
  ['a first block that is too long by itself', 0, 1, 0, 'readBeginning'],
  ['a page before it is ready', 0, 0, 0, ''],
])('%s', (_, read, total, leftOut, words) => {
  expect(noticeOf(read, total, leftOut)).toBe(words);
});

test.each([
  ['a large frame of another site', ['a.example', 'b.example'], 0.5, 'framesUnread a.example, b.example'],
  ['a large frame without an address', [''], 1, 'framesUnreadUnnamed'],
  ['frames that take little room', ['ads.example'], 0.2, ''],
])('%s', (_, hosts, share, words) => {
  expect(noticeOf(2, 2, 0, { hosts, share })).toBe(words);
});

test('blocks that give orders to programs are told, with a way to the first', () => {
  expect(noticeOf(9, 9, 0, NONE, [4])).toBe('orders 1 4ordersShow');
  expect(noticeOf(9, 12, 0, NONE, [4, 7])).toBe('readPart 9 12orders 2 4ordersShow');
});

test('a page whose text lies in a frame alone says so where it says that it is empty', () => {
  const page = { status: 'empty', text: { frames: { hosts: ['docs.example'], share: 1 } } };
  expect(standstillOf({ page, link: { status: 'ready' }, turns: [] } as never)?.detail).toBe('framesUnread docs.example');
});
