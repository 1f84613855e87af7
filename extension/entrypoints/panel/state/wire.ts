// The panel's two lines: a runtime port to the background and, inside a page, a MessagePort to the page script. Called by store.
// Knows whether it is framed and which nonce it was given; what it is for, the background says.
import { browser } from 'wxt/browser';
import type { FromPage, FromPanel, PageAnswer, PageCommand, PageEvent, PanelMessage, ToPage, ToPanel } from '../../../lib/connection/messages.ts';
import type { Host } from '../../../lib/invitations.ts';

const KEEPALIVE_MS = 20_000;
const GREETED_WITHIN_MS = 3_000; // by the sidebar's script; nobody else's frame is
const IS_FRAMED = window.top !== window;

interface Greeting {
  nonce: string;
  port: MessagePort;
}

// At module level: the page script posts as soon as the frame has loaded, before any component is mounted.
const greeting = new Promise<Greeting>((resolve) => {
  addEventListener('message', (event: MessageEvent<unknown>) => {
    const port = event.ports[0];
    if (port && typeof event.data === 'string') resolve({ nonce: event.data, port });
  });
});

export class Wire {
  private port: ReturnType<typeof browser.runtime.connect> | null = null;
  private page: MessagePort | null = null;
  private nonce: string | null = null;
  private calls = new Map<number, (answer: PageAnswer) => void>();
  private nextCall = 1;

  constructor(
    private readonly handle: (message: ToPanel) => void,
    private readonly pageSays: (event: PageEvent) => void,
    private readonly standing: () => { page: string | null; seen: Record<string, number> },
  ) {}

  async start(): Promise<void> {
    if (IS_FRAMED) {
      const stranger = setTimeout(() => this.handle({ kind: 'untrusted' }), GREETED_WITHIN_MS);
      const { nonce, port } = await greeting;
      clearTimeout(stranger);
      this.nonce = nonce;
      this.page = port;
      port.postMessage({ hello: true } satisfies ToPage); // the frame works; more is said and heard only when the nonce is known
    } else {
      this.nonce = location.hash.slice(1) || null;
    }
    this.connect();
    setInterval(() => this.send({ kind: 'keepalive' }), KEEPALIVE_MS);
  }

  send(message: FromPanel): void {
    try {
      this.port?.postMessage(message);
    } catch {
      // the worker is restarting; onDisconnect brings the line back
    }
  }

  /** Asks the page script to do something, in the panel's tab or in another one; answers within 10 s or with an error. */
  call(command: PageCommand, tab?: number): Promise<PageAnswer> {
    const id = this.nextCall;
    this.nextCall += 1;
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle({ error: 'timeout' }), 10_000);
      const settle = (answer: PageAnswer): void => {
        clearTimeout(timer);
        this.calls.delete(id);
        resolve(answer);
      };
      this.calls.set(id, settle);
      if (tab !== undefined) this.send({ kind: 'command', id, command, tab });
      else if (this.page) this.page.postMessage({ id, command } satisfies ToPage);
      else this.send({ kind: 'command', id, command });
    });
  }

  /** True when the panel opened there and is about to close here. */
  async move(to: Host): Promise<boolean> {
    return (await browser.runtime.sendMessage<PanelMessage, boolean>({ kind: 'move', to, nonce: this.nonce ?? '' })) ?? false;
  }

  openSample(): void {
    void browser.runtime.sendMessage<PanelMessage>({ kind: 'sample' });
  }

  remap(): void {
    void browser.runtime.sendMessage<PanelMessage>({ kind: 'remap' });
  }

  private connect(): void {
    const port = browser.runtime.connect({ name: 'panel' });
    this.port = port;
    port.onMessage.addListener((message: ToPanel) => {
      if (message.kind === 'opened') this.listenToPage();
      if (message.kind === 'answer') this.calls.get(message.id)?.(message.answer);
      else this.handle(message);
    });
    port.onDisconnect.addListener(() => {
      this.port = null;
      setTimeout(() => this.connect(), 200);
    });
    this.send({ kind: 'open', nonce: this.nonce, ...this.standing() });
  }

  /** Only once the background knows the nonce: a port from anybody else is never listened to. */
  private listenToPage(): void {
    if (!this.page) return;
    this.page.onmessage = (event: MessageEvent<FromPage>) => {
      if ('event' in event.data) this.pageSays(event.data);
      else this.calls.get(event.data.id)?.(event.data.answer);
    };
  }
}
