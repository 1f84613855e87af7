// A socket and a server made of plain functions, for the tests of link and relay. No network.
import type { Socket } from '../../lib/connection/link.ts';
import { fromHex, keyFromCode, proofOf } from '../../lib/connection/pairing.ts';
import { type ClientFrame, EXTENSION_ORIGIN, type Hello, type Ready } from '../../lib/connection/protocol.ts';

export const ORIGIN = EXTENSION_ORIGIN;
export const URL_ = 'ws://127.0.0.1:8377/ws';
export const KEY = fromHex('07'.repeat(32));
export const IDENTITY = { client: 'c0ffee00-0000-4000-8000-000000000000', name: 'Chrome on linux' };
export const NONCE = 'cd'.repeat(32);

export const READY: Ready = {
  type: 'ready', session: 's1', server: '0.1.0', base: { name: 'b', parameters: 1, context_tokens: 1 },
  engine: { adapters: 'activated', quotes: 'guard', shares_page: true, counts_cached: true, changes_adapters: true, host: '' }, copilots: [], panels: [], history: true,
};

export class FakeSocket implements Socket {
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  sent: ClientFrame[] = [];
  isClosed = false;

  send(text: string): void {
    if (this.isClosed) throw new Error('sent after close');
    this.sent.push(JSON.parse(text) as ClientFrame);
  }

  close(): void {
    this.isClosed = true;
  }

  open(): void {
    this.onopen?.({} as never);
  }

  say(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) } as never);
  }

  drop(): void {
    this.isClosed = true;
    this.onclose?.({} as never);
  }

  types(): string[] {
    return this.sent.map((frame) => frame.type);
  }

  /** The challenge of a server that knows `key`, or of one that does not know any. */
  async challenge(key: Uint8Array<ArrayBuffer> | null, code: string | null = null): Promise<void> {
    const { nonce } = this.sent[0] as Hello;
    const real = code === null ? key : await keyFromCode(code, nonce, NONCE);
    const mac = real ? await proofOf('server', real, { nonceClient: nonce, nonceServer: NONCE, origin: ORIGIN, port: 8377 }) : '0'.repeat(64);
    this.say({ type: 'challenge', version: 1, nonce: NONCE, mac });
  }
}

export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  if (!condition()) throw new Error('it did not happen');
}

export const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));
