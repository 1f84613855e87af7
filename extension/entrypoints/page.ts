// Injected into a page when the user asks for it: reads blocks, shows passages, holds the sidebar's frame. Called by background.
// Never opens a socket and never sees a key: it talks to the panel over a MessageChannel and to the background over runtime messages.
import { browser } from 'wxt/browser';
import { defineUnlistedScript } from 'wxt/utils/define-unlisted-script';
import { type Block, readBlocks } from '../lib/page/blocks.ts';
import { clear, paint, rangeOf } from '../lib/page/highlight.ts';
import { schemaTypes } from '../lib/page/types.ts';
import type { FromPage, PageAnswer, PageCommand, PageMessage, PageOrder, PageText, Passage, ToPage } from '../lib/connection/messages.ts';
import { newNonce } from '../lib/connection/pairing.ts';
import { PAGE_BLOCKS_MAX, PAGE_CHARS_MAX } from '../lib/connection/protocol.ts';
import { clampWidth, type Layout, openSidebar, type Sidebar } from '../lib/sidebar.ts';

const SELECTION_MAX = 4_000;
const ANSWER_WITHIN_MS = 2_500;

class Page {
  private blocks: Block[] = [];
  private sidebar: Sidebar | null = null;
  private port: MessagePort | null = null;
  private open = new AbortController();
  private painted = new AbortController();
  private layout: Layout = { width: Number.NaN, side: 'right' };

  toggle(layout: Layout): PageAnswer {
    if (this.sidebar?.host.isConnected) {
      if (document.activeElement === this.sidebar.host) this.close();
      else this.focusPanel();
      return { shown: true };
    }
    if (window.origin === 'null') return { error: 'sandboxed' };
    this.close();
    this.open = new AbortController();
    this.layout = { width: clampWidth(layout.width), side: layout.side };
    this.sidebar = openSidebar(browser.runtime.getURL('/panel.html'), this.layout, (next) => send({ kind: 'layout', layout: next }), this.open.signal);
    this.sidebar.frame.addEventListener('load', () => void this.shakeHands());
    this.watchAddress(this.open.signal);
    return { shown: true };
  }

  run(command: PageCommand): PageAnswer {
    if (command.do === 'read') return { page: this.read() };
    if (command.do === 'selection') return { selection: selection() };
    if (command.do === 'show') return { shown: this.show(command.passage) };
    if (command.do === 'clear') clear();
    if (command.do === 'close') this.close();
    if (command.do === 'flip') this.sidebar?.flip();
    return { shown: true };
  }

  /** A fresh nonce for each load of the frame: the background checks it, so a page that frames the panel itself gets nowhere. */
  private async shakeHands(): Promise<void> {
    const frame = this.sidebar?.frame.contentWindow;
    if (!frame) return;
    const channel = new MessageChannel();
    const nonce = newNonce();
    const blocked = setTimeout(() => this.giveUp(), ANSWER_WITHIN_MS);
    channel.port1.onmessage = (event: MessageEvent<ToPage>) => {
      clearTimeout(blocked);
      this.port = channel.port1;
      if ('command' in event.data) this.answer(event.data.id, event.data.command);
    };
    await browser.runtime.sendMessage<PageMessage>({ kind: 'register', nonce });
    frame.postMessage(nonce, new URL(browser.runtime.getURL('/panel.html')).origin, [channel.port2]);
    this.focusPanel();
  }

  private focusPanel(): void {
    this.sidebar?.focus();
    this.tell({ event: 'focus' });
  }

  /** The page's own rules keep the frame from working: the background opens the panel elsewhere. */
  private giveUp(): void {
    this.close();
    send({ kind: 'blocked' });
  }

  private answer(id: number, command: PageCommand): void {
    let answer: PageAnswer;
    try {
      answer = this.run(command);
    } catch (error) {
      answer = { error: String(error) };
    }
    this.tell({ id, answer });
  }

  private tell(message: FromPage): void {
    this.port?.postMessage(message);
  }

  private read(): PageText {
    const all = readBlocks(document);
    let chars = 0;
    this.blocks = all.slice(0, PAGE_BLOCKS_MAX).filter((block) => (chars += block.text.length) <= PAGE_CHARS_MAX);
    return {
      title: document.title,
      url: location.href,
      blocks: this.blocks.map((block) => block.text),
      types: schemaTypes(document),
      blocksLeftOut: all.length - this.blocks.length,
      selection: selection(),
    };
  }

  private show(passage: Passage): boolean {
    const range = rangeOf(this.blocks, passage) ?? rangeOf(readBlocks(document), { ...passage, block: null });
    this.painted.abort();
    if (!range) return false;
    this.painted = new AbortController();
    paint(range, this.painted.signal);
    this.uncover(range);
    return true;
  }

  /** The sidebar lies over the page's edge: when it covers the passage it changes sides. */
  private uncover(range: Range): void {
    if (!this.sidebar) return;
    const { width, side } = this.layout;
    const rects = [...range.getClientRects()].filter((rect) => rect.width > 0);
    const isCovered = (rect: DOMRect): boolean => (side === 'right' ? rect.left > innerWidth - width : rect.right < width);
    if (rects.length > 0 && rects.every(isCovered)) this.sidebar.flip();
  }

  private watchAddress(signal: AbortSignal): void {
    const navigation = (globalThis as { navigation?: EventTarget }).navigation;
    let address = location.href.split('#')[0];
    const moved = (): void => {
      const now = location.href.split('#')[0];
      if (now !== address) this.tell({ event: 'moved' });
      address = now;
    };
    navigation?.addEventListener('navigatesuccess', moved, { signal });
  }

  private close(): void {
    const hadFocus = this.sidebar !== null && document.activeElement === this.sidebar.host;
    this.painted.abort();
    this.open.abort();
    this.port?.close();
    this.port = null;
    this.sidebar = null;
    if (hadFocus) window.focus();
  }
}

function send(message: PageMessage): void {
  void browser.runtime.sendMessage(message).catch(() => undefined); // the extension was reloaded: this page keeps its old script
}

function selection(): string {
  return (getSelection()?.toString() ?? '').trim().slice(0, SELECTION_MAX);
}

export default defineUnlistedScript(() => {
  const scope = globalThis as { retinuePage?: Page };
  if (scope.retinuePage) return;
  const page = (scope.retinuePage = new Page());
  browser.runtime.onMessage.addListener((order: PageOrder, _sender, respond: (answer: PageAnswer) => void) => {
    if (order.kind === 'command') respond(page.run(order.command));
    if (order.kind === 'toggle') respond(page.toggle(order.layout));
    return false;
  });
});
