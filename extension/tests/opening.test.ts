// Where the sidebar opens after a click: in the page, else beside it, and what happens when the page may not be touched.
import { beforeEach, expect, test, vi } from 'vitest';
import type { PageAnswer } from '../lib/connection/messages.ts';
import { contextOf } from '../lib/invitations.ts';
import { openBeside, openFor, orderCommand } from '../lib/opening.ts';
import { fakeBrowser } from './browser.ts';

vi.mock('wxt/browser', async () => ({ browser: (await import('./browser.ts')).fakeBrowser }));

const PAGE = { id: 3, url: 'https://a.example:8443/x' };
const SITE = 'https://a.example/*';
const { action, permissions, scripting, sidePanel, tabs } = fakeBrowser;

beforeEach(() => {
  vi.resetAllMocks();
  fakeBrowser.storage.local.kept = {};
  answers({ shown: true });
});

/** What the page script says to one order after the other; the last answer is for all later ones. */
function answers(...given: (PageAnswer | Error)[]): void {
  let next = 0;
  tabs.sendMessage.mockImplementation(() => {
    const answer = given[Math.min(next, given.length - 1)];
    next += 1;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  });
}

const sidePath = (): string => (sidePanel.setOptions.mock.lastCall as unknown as [{ path: string }])[0].path;

test('in the page, with the layout that was kept, its numbers in their bounds', async () => {
  fakeBrowser.storage.local.kept = { layout: { width_px: 5_000, side: 'left', x: 'far' } };
  await openFor(PAGE, 'page');
  expect(scripting.executeScript).toHaveBeenCalledWith({ target: { tabId: 3 }, files: ['/sidebar.js'] });
  expect(scripting.executeScript).toHaveBeenLastCalledWith({ target: { tabId: 3 }, files: ['/article.js', '/page.js'] });
  expect(tabs.sendMessage).toHaveBeenCalledWith(3, { kind: 'toggle', layout: { width_px: 720, side: 'left', floats: false, height: 0.6, x: 1, y: 0.5 }, isToStay: false });
  expect(sidePanel.open).not.toHaveBeenCalled();
});

test('for words from toolbar or menu, a sidebar that is open is not closed', async () => {
  await openFor(PAGE, 'page', { isToStay: true });
  expect(tabs.sendMessage).toHaveBeenCalledWith(3, expect.objectContaining({ kind: 'toggle', isToStay: true }));
});

test.each(['chrome://settings', 'file:///x.html', undefined])('next to a page that no extension may read: %s', async (url) => {
  await openFor({ id: 3, url }, 'page');
  expect(scripting.executeScript).not.toHaveBeenCalled();
  expect(sidePanel.open).toHaveBeenCalledWith({ tabId: 3 });
});

test('where the person wants it: the side panel is opened before anything is awaited, a tab without asking for one', async () => {
  void openFor(PAGE, 'side');
  expect(sidePanel.open).toHaveBeenCalledWith({ tabId: 3 });
  await openFor(PAGE, 'tab');
  expect(tabs.create).toHaveBeenCalledWith({ url: expect.stringMatching(/^\/panel\.html#3\.[0-9a-f]{64}$/) as string, openerTabId: 3 });
  expect(scripting.executeScript).not.toHaveBeenCalled();
});

test('a worker that does not know yet where the person wants it opens it in the page', async () => {
  await openFor(PAGE, null);
  expect(tabs.sendMessage).toHaveBeenCalledOnce();
});

test('beside a sandboxed page; its address says nothing but a nonce, and that stands for the page', async () => {
  answers({ error: 'sandboxed' });
  await openFor(PAGE, 'page');
  expect(sidePath()).toMatch(/^panel\.html#3\.[0-9a-f]{64}$/);
  const nonce = sidePath().split('#')[1] ?? '';
  expect(await contextOf({ origin: location.origin }, nonce)).toEqual({ host: 'side', tab: 3, site: SITE });
});

test('in a tab when the browser opens no side panel', async () => {
  sidePanel.open.mockRejectedValue(new Error('no gesture'));
  await openBeside(3, null);
  expect(tabs.create).toHaveBeenCalledOnce();
});

test('a grant that reaches the page late is waited for', async () => {
  answers(new Error('Cannot access'), { shown: true });
  await openFor(PAGE, 'page');
  expect(tabs.sendMessage).toHaveBeenCalledTimes(2);
  expect(permissions.request).not.toHaveBeenCalled();
});

test('a page that stays closed is asked for, this site alone, and opened beside when the user says no', async () => {
  answers(new Error('Cannot access'));
  permissions.request.mockResolvedValue(false);
  await openFor(PAGE, 'page');
  expect(permissions.request).toHaveBeenCalledWith({ origins: [SITE] });
  expect(sidePanel.open).toHaveBeenCalledWith({ tabId: 3 });
});

test('when the browser may not ask any more, the next click does', async () => {
  answers(new Error('Cannot access'));
  permissions.request.mockRejectedValue(new Error('must be in a gesture'));
  await openFor(PAGE, 'page');
  expect(action.setBadgeText).toHaveBeenCalledWith({ tabId: 3, text: '!' });
  permissions.request.mockResolvedValue(true);
  answers({ shown: true });
  await openFor(PAGE, 'page');
  expect(permissions.request).toHaveBeenLastCalledWith({ origins: [SITE] });
  expect(action.setBadgeText).toHaveBeenLastCalledWith({ tabId: 3, text: '' });
});

test('a command to a page that is gone is an answer, no exception', async () => {
  answers(new Error('gone'));
  expect(await orderCommand(3, { do: 'read' })).toEqual({ error: 'Error: gone' });
});
