// The service worker: menus and clicks open the sidebar, panels connect here, and the one socket lives in the relay.
// Keeps nothing in memory that a restart may not lose.
import { type Browser, browser } from 'wxt/browser';
import { defineBackground } from 'wxt/utils/define-background';
import { DEFAULT_SERVER, isServerAddress } from '../lib/connection/identity.ts';
import type { FromPanel, PageMessage, ToPanel } from '../lib/connection/messages.ts';
import { openBeside, openFor, orderCommand } from '../lib/opening.ts';
import { fromHex, toHex } from '../lib/connection/pairing.ts';
import { Relay } from '../lib/connection/relay.ts';
import { siteOf } from '../lib/page/site.ts';

type Port = Browser.runtime.Port;
type Sender = Browser.runtime.MessageSender;

export default defineBackground(() => {
  const relay = new Relay({ origin: location.origin, settings: readSettings, keepKey, keepSession });
  void browser.storage.local.setAccessLevel({ accessLevel: 'TRUSTED_CONTEXTS' }); // the key is out of reach of page scripts
  browser.runtime.onInstalled.addListener(() => void setUp());
  browser.action.onClicked.addListener((tab) => void openFor(tab));
  browser.contextMenus.onClicked.addListener((_info, tab) => void (tab && openFor(tab)));
  browser.runtime.onConnect.addListener((port) => admit(port, relay));
  browser.runtime.onMessage.addListener((message: PageMessage, sender, respond: (done: boolean) => void) => {
    const tabId = sender.tab?.id;
    if (tabId === undefined || sender.frameId !== 0) return false;
    if (message.kind === 'blocked') void openBeside(tabId, siteOf(sender.tab?.url));
    if (message.kind === 'layout') void browser.storage.local.set({ layout: message.layout });
    if (message.kind !== 'register') return false;
    void browser.storage.session.set({ [`nonce:${tabId}`]: { nonce: message.nonce } }).then(() => respond(true));
    return true;
  });
  browser.tabs.onRemoved.addListener((tabId) => void forgetTab(tabId));
});

async function setUp(): Promise<void> {
  await browser.contextMenus.removeAll();
  browser.contextMenus.create({ id: 'ask', title: browser.i18n.getMessage('menuAsk'), contexts: ['page', 'selection'] });
}

async function readSettings(): Promise<{ url: string; key: Uint8Array<ArrayBuffer> | null; session: string | null }> {
  const { server, key } = await browser.storage.local.get<{ server?: string; key?: string }>(['server', 'key']);
  const url = typeof server === 'string' && isServerAddress(server) ? server : DEFAULT_SERVER;
  const { session } = await browser.storage.session.get<{ session?: string }>('session');
  return { url, key: typeof key === 'string' && /^[0-9a-f]{64}$/.test(key) ? fromHex(key) : null, session: session ?? null };
}

async function keepKey(key: Uint8Array): Promise<void> {
  await browser.storage.local.set({ key: toHex(key) });
}

async function keepSession(session: string): Promise<void> {
  await browser.storage.session.set({ session });
}

/** A port is heard only after its panel has shown who it is: our own page, or the frame that our page script opened. */
function admit(port: Port, relay: Relay): void {
  if (port.name !== 'panel' || port.sender?.origin !== location.origin) return port.disconnect();
  const send = (message: ToPanel): void => {
    try {
      port.postMessage(message);
    } catch {
      relay.detach(send); // the panel closed a moment ago
    }
  };
  let tab: number | null = null;
  port.onMessage.addListener((message: FromPanel) => {
    if (message.kind === 'open') {
      void tabOf(port.sender, message).then((id) => {
        tab = id;
        send(id === null ? { kind: 'untrusted' } : { kind: 'opened', tab: id });
        if (id !== null) relay.attach(send, message);
      });
      return;
    }
    if (tab === null) return;
    if (message.kind === 'command') return void obey(send, tab, message);
    relay.receive(send, message);
  });
  port.onDisconnect.addListener(() => relay.detach(send));
}

async function obey(send: (message: ToPanel) => void, tab: number, message: Extract<FromPanel, { kind: 'command' }>): Promise<void> {
  send({ kind: 'answer', id: message.id, answer: await orderCommand(tab, message.command) });
}

/** The tab whose page a panel may read, or null for a panel that somebody else opened. */
async function tabOf(sender: Sender | undefined, open: Extract<FromPanel, { kind: 'open' }>): Promise<number | null> {
  const isOwnPage = sender?.tab === undefined || sender.frameId === 0;
  if (isOwnPage) return open.tab;
  const tabId = sender.tab?.id;
  if (tabId === undefined || open.nonce === null) return null;
  const name = `nonce:${tabId}`;
  const stored = (await browser.storage.session.get(name))[name] as { nonce: string; document?: string } | undefined;
  if (stored?.nonce !== open.nonce) return null;
  if (stored.document && stored.document !== sender.documentId) return null;
  await browser.storage.session.set({ [name]: { nonce: open.nonce, document: sender.documentId } });
  return tabId;
}

async function forgetTab(tabId: number): Promise<void> {
  const names = Object.keys(await browser.storage.session.get(null));
  await browser.storage.session.remove(names.filter((name) => name === `nonce:${tabId}` || name.startsWith(`chat:${tabId}:`)));
}
