// Injected with the page script for the in-page host: holds the sidebar's frame and carries commands between panel and page.
// Called by background. Reads nothing of the page; talks to the panel over a MessageChannel, to the background over runtime messages.
import { browser } from 'wxt/browser';
import { defineUnlistedScript } from 'wxt/utils/define-unlisted-script';
import type { FromPage, PageAnswer, PageCommand, PageMessage, PageOrder, ToPage } from '../lib/connection/messages.ts';
import { pageScript, register } from '../lib/page/shared.ts';
import type { Layout, Stand } from '../lib/sidebar/layout.ts';
import { Sidebar } from '../lib/sidebar/sidebar.ts';
import { uncover } from '../lib/sidebar/uncover.ts';

const ANSWER_WITHIN_MS = 2_500; // the panel says hello as soon as it hears the nonce

class Hosting {
  private sidebar: Sidebar | null = null;
  private port: MessagePort | null = null;
  private open = new AbortController();
  private uncovering = new AbortController();
  private stand: Stand = { shape: 'float', floats: false };

  /** Opens; goes to it when it is open or folded; closes it when it has the focus, unless it `isToStay`. */
  toggle(layout: Layout, isToStay: boolean): PageAnswer {
    if (this.sidebar?.isOpen) {
      if (!isToStay && this.sidebar.hasFocus && !this.sidebar.isFolded) this.close();
      else this.focusPanel();
      return { shown: true };
    }
    if (window.origin === 'null') return { error: 'sandboxed' };
    this.close();
    this.open = new AbortController();
    const events = { keep: (next: Layout) => send({ kind: 'layout', layout: next }), placed: (stand: Stand) => this.placed(stand) };
    this.sidebar = new Sidebar(browser.runtime.getURL('/panel.html'), layout, events, this.open.signal);
    this.sidebar.frame.addEventListener('load', () => void this.shakeHands());
    const { signal } = this.open;
    void pageScript().then((page) => signal.aborted || page.watch(() => this.tell({ event: 'moved' }), signal));
    return { shown: true };
  }

  run(command: PageCommand): void {
    if (command.do === 'close') this.close();
    if (command.do === 'flip') this.sidebar?.flip();
    if (command.do === 'fold') this.sidebar?.fold();
    if (command.do === 'float') this.sidebar?.float(command.floats);
  }

  uncover(range: Range): void {
    this.uncovering.abort();
    this.uncovering = new AbortController();
    if (this.sidebar) void uncover(range, this.sidebar, AbortSignal.any([this.open.signal, this.uncovering.signal]));
  }

  /** A fresh nonce for each load of the frame: the background checks it, so a page that frames the panel itself gets nowhere. */
  private async shakeHands(): Promise<void> {
    const frame = this.sidebar?.frame.contentWindow;
    if (!frame) return;
    const nonce = await browser.runtime.sendMessage<PageMessage, string>({ kind: 'invite' }); // of a worker that may just be starting
    const channel = new MessageChannel();
    const blocked = setTimeout(() => this.giveUp(), ANSWER_WITHIN_MS);
    channel.port1.onmessage = (event: MessageEvent<ToPage>) => {
      clearTimeout(blocked);
      this.port = channel.port1;
      if ('command' in event.data) void this.answer(event.data.id, event.data.command);
      else this.placed(this.stand);
    };
    frame.postMessage(nonce, new URL(browser.runtime.getURL('' as '/')).origin, [channel.port2]); // the address of the panel is a passing one
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

  private async answer(id: number, command: PageCommand): Promise<void> {
    let answer: PageAnswer;
    try {
      answer = await (await pageScript()).run(command);
    } catch (error) {
      answer = { error: String(error) };
    }
    this.tell({ id, answer });
  }

  private placed(stand: Stand): void {
    this.stand = stand;
    this.tell({ event: 'placed', stand });
  }

  private tell(message: FromPage): void {
    this.port?.postMessage(message);
  }

  private close(): void {
    const hadFocus = this.sidebar?.hasFocus ?? false;
    void register().page?.run({ do: 'clear' });
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

export default defineUnlistedScript(() => {
  if (register().sidebar) return;
  const hosting = (register().sidebar = new Hosting());
  browser.runtime.onMessage.addListener((order: PageOrder, _sender, respond: (answer: PageAnswer) => void) => {
    if (order.kind === 'toggle') respond(hosting.toggle(order.layout, order.isToStay));
    return false;
  });
});
