// Which other tabs a panel may see, read and show: none from inside a web page, none of a private window, none without leave.
import { beforeEach, expect, test, vi } from 'vitest';
import type { Context } from '../../lib/invitations.ts';
import { openTabs, reach, watchTabs } from '../../lib/tabs/reach.ts';
import { fakeBrowser } from '../browser.ts';

const { orderCommand } = vi.hoisted(() => ({ orderCommand: vi.fn(() => Promise.resolve({ shown: true })) }));
vi.mock('wxt/browser', async () => ({ browser: (await import('../browser.ts')).fakeBrowser }));
vi.mock('../../lib/opening.ts', () => ({ orderCommand }));

const SIDE: Context = { host: 'side', tab: 1, site: null };
const TABS = [
  { id: 1, windowId: 1, url: 'https://own.example/', title: 'Own', incognito: false },
  { id: 2, windowId: 2, url: 'https://far.example/', title: 'Far', incognito: false, lastAccessed: 9 },
  { id: 3, windowId: 1, url: 'https://near.example:8080/x', title: 'Near', incognito: false, lastAccessed: 1 },
  { id: 4, windowId: 1, url: 'chrome://settings/', title: 'Settings', incognito: false },
  { id: 5, windowId: 3, url: 'https://secret.example/', title: 'Secret', incognito: true },
  { id: 6, windowId: 1, incognito: false },
];

beforeEach(() => {
  vi.clearAllMocks();
  fakeBrowser.permissions.contains.mockResolvedValue(true);
  fakeBrowser.tabs.query.mockResolvedValue(TABS);
  fakeBrowser.tabs.get.mockImplementation((id) => {
    const tab = TABS.find((other) => other.id === id);
    return tab ? Promise.resolve(tab) : Promise.reject(new Error('no tab'));
  });
});

test('those of the own window come first; private windows, pages of the browser and tabs without an address are left out', async () => {
  expect(await openTabs(SIDE)).toEqual([
    { tab: 3, title: 'Near', url: 'https://near.example:8080/x', site: 'https://near.example/*' },
    { tab: 2, title: 'Far', url: 'https://far.example/', site: 'https://far.example/*' },
  ]);
});

test('a panel in a page learns of no tab, one in a private window of none that is not, and without leave there is no list', async () => {
  expect(await openTabs({ ...SIDE, host: 'page' })).toBeNull();
  expect(await openTabs({ ...SIDE, tab: 5 })).toEqual([]);
  fakeBrowser.permissions.contains.mockResolvedValue(false);
  expect(await openTabs(SIDE)).toBeNull();
});

test('a tab is read in its place and shown in front', async () => {
  expect(await reach(SIDE, 3, { do: 'read' })).toEqual({ shown: true });
  expect(fakeBrowser.permissions.contains).toHaveBeenCalledWith({ origins: ['https://near.example/*'] });
  expect(orderCommand).toHaveBeenCalledWith(3, { do: 'read' });
  expect(fakeBrowser.tabs.update).not.toHaveBeenCalled();
  await reach(SIDE, 3, { do: 'show', passage: { block: 1, start: null, end: null, text: '' } });
  expect(fakeBrowser.tabs.update).toHaveBeenCalledWith(3, { active: true });
});

test.each([
  ['from inside a web page', { ...SIDE, host: 'page' as const }, 3, 'read'],
  ['from a private window', { ...SIDE, tab: 5 }, 3, 'read'],
  ['a private one', SIDE, 5, 'read'],
  ['a page of the browser', SIDE, 4, 'read'],
  ['one that is gone', SIDE, 77, 'read'],
  ['with a command that is not about its text', SIDE, 3, 'close'],
])('no tab is reached %s', async (_name, context, tab, command) => {
  expect(await reach(context, tab, { do: command } as never)).toEqual({ error: 'not allowed' });
  expect(orderCommand).not.toHaveBeenCalled();
});

test('no tab is reached without leave for its site', async () => {
  fakeBrowser.permissions.contains.mockResolvedValue(false);
  expect(await reach(SIDE, 3, { do: 'read' })).toEqual({ error: 'not allowed' });
  expect(orderCommand).not.toHaveBeenCalled();
});

test('what becomes of a watched tab is told, of others nothing, and nothing after the end', () => {
  const ended = new AbortController();
  const told: unknown[] = [];
  watchTabs(new Set([3]), (...what) => told.push(what), ended.signal);
  const update = (tab: number, change: object): unknown => fakeBrowser.tabs.onUpdated.fire(tab, change, { url: 'https://new.example/' });
  update(3, { title: 'only a title' });
  update(2, { status: 'loading' });
  update(3, { status: 'loading' });
  fakeBrowser.tabs.onRemoved.fire(2);
  fakeBrowser.tabs.onRemoved.fire(3);
  ended.abort();
  update(3, { url: 'x' });
  expect(told).toEqual([[3, 'moved', 'https://new.example/*'], [3, 'closed', null]]);
});
