// Where the selection toolbar is switched off, and what it may show: kept by the browser. Called by background and menu; the page
// script has no access to the storage and asks.
import { browser } from 'wxt/browser';
import type { ToolbarView } from '../connection/messages.ts';
import { siteOf } from '../page/site.ts';
import type { Shortlist } from '../shortlist.ts';
import { t } from '../words.ts';

const SITES_MAX = 500;

interface Toolbar {
  isOff: boolean;
  sitesOff: string[];
}

/** What the toolbar shows on a page; null where it is off. */
export async function toolbarFor(url: string | undefined): Promise<ToolbarView> {
  const { isOff, sitesOff } = await read();
  if (isOff || sitesOff.includes(siteOf(url) ?? '')) return null;
  const { shortlist } = await browser.storage.local.get<{ shortlist?: Shortlist }>('shortlist');
  return { copilot: shortlist?.current?.name ?? t('name') };
}

/** Puts the toolbar into a page that the panel may read. It asks before each showing, so it may be there where it is off. */
export async function offerToolbar(tabId: number): Promise<void> {
  if ((await read()).isOff) return;
  await browser.scripting.executeScript({ target: { tabId }, files: ['/selection.js'] }).catch(() => undefined); // a page that is closed to extensions
}

export async function switchOff(where: 'site' | 'everywhere', url: string | undefined): Promise<void> {
  const { isOff, sitesOff } = await read();
  const site = siteOf(url);
  if (where === 'everywhere') return write({ isOff: true, sitesOff });
  if (site) await write({ isOff, sitesOff: [...new Set([...sitesOff, site])].slice(-SITES_MAX) });
}

/** Shows it here again. Where it is on already, on all the sites where it was off. */
export async function switchOn(url: string | undefined): Promise<void> {
  const { isOff, sitesOff } = await read();
  const others = sitesOff.filter((site) => site !== siteOf(url));
  const wasOffHere = isOff || others.length < sitesOff.length;
  await write({ isOff: false, sitesOff: wasOffHere ? others : [] });
}

export async function isSwitchedOff(): Promise<boolean> {
  const { isOff, sitesOff } = await read();
  return isOff || sitesOff.length > 0;
}

async function read(): Promise<Toolbar> {
  const { toolbar } = await browser.storage.local.get<{ toolbar?: Toolbar }>('toolbar');
  return { isOff: false, sitesOff: [], ...toolbar };
}

async function write(toolbar: Toolbar): Promise<void> {
  await browser.storage.local.set({ toolbar });
}
