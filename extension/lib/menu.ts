// The context menu: the sidebar, the copilots that are used most, the way to all others. Called by background.
// Knows copilots by the panel's shortlist only.
import { type Browser, browser } from 'wxt/browser';
import type { Fills } from './fills.ts';
import { preferredPlace } from './moving.ts';
import { type Tab, openFor } from './opening.ts';
import type { Shortlist } from './shortlist.ts';
import { isSwitchedOff, offerToolbar, switchOn } from './selection/settings.ts';
import { t } from './words.ts';

const SELECTION_MAX = 4_000;
const COPILOT = 'copilot:';

type Clicked = Browser.contextMenus.OnClickData;

export function startMenu(fills: Fills): void {
  let built = Promise.resolve();
  const rebuild = (): void => void (built = built.then(build, build));
  browser.runtime.onInstalled.addListener(rebuild);
  browser.storage.onChanged.addListener((changed, area) => {
    if (area === 'local' && ('shortlist' in changed || 'toolbar' in changed)) rebuild();
  });
  browser.contextMenus.onClicked.addListener((info, tab) => {
    if (tab) act(info, tab, fills);
  });
}

function act({ menuItemId, selectionText }: Clicked, tab: Tab, fills: Fills): void {
  const item = String(menuItemId);
  if (item === 'toolbar') return void switchOn(tab.url).then(() => (tab.id === undefined ? undefined : offerToolbar(tab.id)));
  if (item === 'open') return void openFor(tab, preferredPlace());
  const selection = (selectionText ?? '').trim().slice(0, SELECTION_MAX);
  const copilot = item.startsWith(COPILOT) ? item.slice(COPILOT.length) : null;
  fills.put(tab, { words: '', selection, copilot, isToChoose: copilot === null, isToSend: false });
}

/** All items anew: the browser keeps them over a restart of the worker. */
async function build(): Promise<void> {
  const { shortlist } = await browser.storage.local.get<{ shortlist?: Shortlist }>('shortlist');
  const isToolbarOff = await isSwitchedOff();
  await browser.contextMenus.removeAll();
  add('retinue', t('name'), null);
  add('open', t('menuAsk'));
  for (const { id, name } of shortlist?.often ?? []) add(`${COPILOT}${id}`, t('menuAskCopilot', asTitle(name)));
  add('choose', t('menuChoose'));
  if (isToolbarOff) add('toolbar', t('menuToolbarOn'));
}

function add(id: string, title: string, parentId: string | null = 'retinue'): void {
  browser.contextMenus.create({ id, title, contexts: ['page', 'selection'], ...(parentId ? { parentId } : {}) });
}

/** In titles & marks a key and %s stands for the selection. */
function asTitle(name: string): string {
  return name.replaceAll('%s', '%').replaceAll('&', '&&');
}
