// The two places outside the page: the browser's side panel (Firefox: its sidebar) and a tab. Called by opening and moving.
// Each panel gets a nonce in its address; what it may read stands in the background alone.
import { browser } from 'wxt/browser';
import { type Context, invite } from './invitations.ts';

type Page = Omit<Context, 'host'>;

/** Firefox's own API, which the types of Chromium lack. */
interface SidebarAction {
  setPanel(options: { tabId: number; panel: string | null }): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
}

/** Rejects where the browser does not count the click any more: nothing may be awaited before this is called. */
export function openSide(page: Page): Promise<void> {
  const path = `panel.html#${invite({ ...page, host: 'side' })}`;
  const sidebar = sidebarAction();
  if (sidebar) {
    void sidebar.setPanel({ tabId: page.tab, panel: browser.runtime.getURL(`/${path}` as '/panel.html') });
    return sidebar.open();
  }
  if (!browser.sidePanel) return Promise.reject(new Error('no side panel'));
  void browser.sidePanel.setOptions({ tabId: page.tab, path, enabled: true });
  return browser.sidePanel.open({ tabId: page.tab });
}

export async function closeSide(tab: number): Promise<void> {
  const sidebar = sidebarAction();
  await sidebar?.setPanel({ tabId: tab, panel: null });
  await (sidebar ? sidebar.close() : browser.sidePanel.setOptions({ tabId: tab, enabled: false }));
}

export async function openTab(page: Page): Promise<void> {
  const path = `/panel.html#${invite({ ...page, host: 'tab' })}`;
  await browser.tabs.create({ url: browser.runtime.getURL(path as '/panel.html'), openerTabId: page.tab });
}

function sidebarAction(): SidebarAction | undefined {
  return (browser as { sidebarAction?: SidebarAction }).sidebarAction;
}
