// The context menu and the switches of the selection toolbar.
import { beforeEach, expect, test, vi } from 'vitest';
import { Fills } from '../lib/fills.ts';
import { startMenu } from '../lib/menu.ts';
import { shortlistOf } from '../lib/shortlist.ts';
import { switchOff, switchOn, toolbarFor } from '../lib/selection/settings.ts';
import { fakeBrowser } from './browser.ts';

vi.mock('wxt/browser', async () => ({ browser: (await import('./browser.ts')).fakeBrowser }));
const { openFor } = vi.hoisted(() => ({ openFor: vi.fn(() => Promise.resolve()) }));
vi.mock('../lib/opening.ts', () => ({ openFor }));

const PAGE = { id: 3, url: 'https://a.example/x' };
const SHORTLIST = { current: { id: 'a/b', name: 'B' }, often: [{ id: 'legal/nda', name: 'NDA & more' }, { id: 'own/x', name: '100%s' }] };
const { contextMenus, storage } = fakeBrowser;
const fills = new Fills(() => Promise.resolve());
const put = vi.spyOn(fills, 'put').mockImplementation(() => undefined);
startMenu(fills);

beforeEach(() => {
  vi.clearAllMocks();
  storage.local.kept = { shortlist: SHORTLIST };
});

interface Item {
  id: string;
  title: string;
  parentId?: string;
}

async function items(): Promise<Item[]> {
  contextMenus.create.mockClear();
  storage.onChanged.fire({ shortlist: {} }, 'local');
  await vi.waitFor(() => expect(contextMenus.create.mock.calls.some(([item]) => (item as Item).id === 'choose')).toBe(true));
  await Promise.resolve();
  return contextMenus.create.mock.calls.map(([item]) => item as Item);
}

test('the menu offers the copilots that are used most, and the way to all others', async () => {
  const built = await items();
  expect(built.map(({ id }) => id)).toEqual(['retinue', 'open', 'copilot:legal/nda', 'copilot:own/x', 'choose']);
  expect(built.slice(1).every(({ parentId }) => parentId === 'retinue')).toBe(true);
  expect(built.map(({ title }) => title)).toEqual(expect.arrayContaining(['menuAskCopilot NDA && more', 'menuAskCopilot 100%']));
});

test('other changes of the storage build nothing', () => {
  storage.onChanged.fire({ layout: {} }, 'local');
  storage.onChanged.fire({ shortlist: {} }, 'session');
  expect(contextMenus.removeAll).not.toHaveBeenCalled();
});

test.each([
  ['copilot:legal/nda', { copilot: 'legal/nda', isToChoose: false }],
  ['choose', { copilot: null, isToChoose: true }],
])('%s fills the box with the selection and sends nothing', (menuItemId, wanted) => {
  contextMenus.onClicked.fire({ menuItemId, selectionText: ' Some words. ' }, PAGE);
  expect(put).toHaveBeenCalledWith(PAGE, { words: '', selection: 'Some words.', isToSend: false, ...wanted });
});

test('the first item opens the sidebar as the toolbar button does', () => {
  contextMenus.onClicked.fire({ menuItemId: 'open' }, PAGE);
  expect(openFor).toHaveBeenCalledWith(PAGE, null);
  expect(put).not.toHaveBeenCalled();
});

test('the toolbar names the current copilot, is off on one site or everywhere, and comes back', async () => {
  expect(await toolbarFor(PAGE.url)).toEqual({ copilot: 'B' });
  await switchOff('site', PAGE.url);
  expect([await toolbarFor(PAGE.url), await toolbarFor('https://b.example/')]).toEqual([null, { copilot: 'B' }]);
  await switchOff('everywhere', PAGE.url);
  expect(await toolbarFor('https://b.example/')).toBeNull();
  expect((await items()).at(-1)?.id).toBe('toolbar');
  await switchOn(PAGE.url);
  expect([await toolbarFor(PAGE.url), await toolbarFor('https://b.example/')]).toEqual([{ copilot: 'B' }, { copilot: 'B' }]);
});

test('a site where it is off stays off when it is switched on elsewhere', async () => {
  await switchOff('site', 'https://b.example/');
  await switchOff('everywhere', PAGE.url);
  await switchOn(PAGE.url);
  expect([await toolbarFor(PAGE.url), await toolbarFor('https://b.example/')]).toEqual([{ copilot: 'B' }, null]);
  await switchOn(PAGE.url);
  expect(await toolbarFor('https://b.example/')).toEqual({ copilot: 'B' });
});

test('the shortlist has favourites first, nobody twice, six at most, and no copilot that is gone', () => {
  const cards = 'abcdefgh'.split('').map((id) => ({ id, name: id.toUpperCase() })) as never;
  const list = shortlistOf(cards, { copilot: 'b', favourites: ['c', 'gone', 'a'], recent: ['a', 'd', 'e', 'f', 'g'] });
  expect(list.current).toEqual({ id: 'b', name: 'B' });
  expect(list.often.map(({ id }) => id).join('')).toBe('cadefg');
});
