// Where the sidebar opens after a click: in the page, else beside it, and what happens when the page may not be touched.
import { beforeEach, expect, test, vi } from 'vitest';
import type { PageAnswer } from '../lib/connection/messages.ts';
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

test('in the page, with the layout that was kept', async () => {
  fakeBrowser.storage.local.kept = { layout: { width: 500, side: 'left' } };
  await openFor(PAGE);
  expect(scripting.executeScript).toHaveBeenCalledWith({ target: { tabId: 3 }, files: ['/page.js'] });
  expect(tabs.sendMessage).toHaveBeenCalledWith(3, { kind: 'toggle', layout: { width: 500, side: 'left' } });
  expect(sidePanel.open).not.toHaveBeenCalled();
});

test.each(['chrome://settings', 'file:///x.html', undefined])('next to a page that no extension may read: %s', async (url) => {
  await openFor({ id: 3, url });
  expect(scripting.executeScript).not.toHaveBeenCalled();
  expect(sidePanel.setOptions).toHaveBeenCalledWith({ tabId: 3, path: 'panel.html?host=side&tab=3', enabled: true });
});

test('beside a sandboxed page, which is named so that it can be asked for', async () => {
  answers({ error: 'sandboxed' });
  await openFor(PAGE);
  expect(sidePanel.setOptions).toHaveBeenCalledWith({ tabId: 3, path: `panel.html?host=side&tab=3&site=${encodeURIComponent(SITE)}`, enabled: true });
});

test('in a tab when the browser opens no side panel', async () => {
  sidePanel.open.mockRejectedValue(new Error('no gesture'));
  await openBeside(3, null);
  expect(tabs.create).toHaveBeenCalledWith({ url: '/panel.html?host=tab&tab=3' });
});

test('a grant that reaches the page late is waited for', async () => {
  answers(new Error('Cannot access'), { shown: true });
  await openFor(PAGE);
  expect(tabs.sendMessage).toHaveBeenCalledTimes(2);
  expect(permissions.request).not.toHaveBeenCalled();
});

test('a page that stays closed is asked for, this site alone, and opened beside when the user says no', async () => {
  answers(new Error('Cannot access'));
  permissions.request.mockResolvedValue(false);
  await openFor(PAGE);
  expect(permissions.request).toHaveBeenCalledWith({ origins: [SITE] });
  expect(sidePanel.open).toHaveBeenCalledWith({ tabId: 3 });
});

test('when the browser may not ask any more, the next click does', async () => {
  answers(new Error('Cannot access'));
  permissions.request.mockRejectedValue(new Error('must be in a gesture'));
  await openFor(PAGE);
  expect(action.setBadgeText).toHaveBeenCalledWith({ tabId: 3, text: '!' });
  permissions.request.mockResolvedValue(true);
  answers({ shown: true });
  await openFor(PAGE);
  expect(permissions.request).toHaveBeenLastCalledWith({ origins: [SITE] });
  expect(action.setBadgeText).toHaveBeenLastCalledWith({ tabId: 3, text: '' });
});

test('a command to a page that is gone is an answer, no exception', async () => {
  answers(new Error('gone'));
  expect(await orderCommand(3, { do: 'read' })).toEqual({ error: 'Error: gone' });
});
