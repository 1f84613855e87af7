// The line above the composer: how much of the page was read.
import { h, render } from 'preact';
import { afterEach, expect, test, vi } from 'vitest';
import { PageNotice } from '../../entrypoints/panel/states.tsx';

vi.mock('../../lib/words.ts', () => ({ t: (...parts: unknown[]) => parts.join(' ') }));

const box = document.body.appendChild(document.createElement('div'));
afterEach(() => render(null, box));

function noticeOf(blocksRead: number, blocksTotal: number, blocksLeftOut = 0): string {
  const page = { status: 'ready', moved: false, blocksRead, blocksTotal, text: { blocksLeftOut } };
  render(h(PageNotice, { store: {}, state: { page, link: { status: 'ready' }, notice: '' } } as never), box);
  return box.textContent ?? '';
}

test.each([
  ['a page that was read whole', 9, 9, 0, ''],
  ['a page that is too long', 9, 12, 0, 'readPart 9 12'],
  ['a page of which the sidebar sent a part', 9, 9, 5, 'readPart 9 14'],
  ['a first block that is too long by itself', 0, 1, 0, 'readBeginning'],
  ['a page before it is ready', 0, 0, 0, ''],
])('%s', (_, read, total, leftOut, words) => {
  expect(noticeOf(read, total, leftOut)).toBe(words);
});
