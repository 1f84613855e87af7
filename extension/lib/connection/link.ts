// One authenticated socket: hello, challenge, proof, ready, then frames. Called by relay.
// Sends nothing but hello before the server has proved the key. Knows no browser API and no panel.
import type { Identity } from './identity.ts';
import { type Handshake, keyFromCode, newNonce, proofOf, sameProof } from './pairing.ts';
import { type Challenge, type ClientFrame, type Error as ErrorFrame, type Ready, type ServerFrame, VERSION } from './protocol.ts';

/** Why there is no link: nobody answers, no key, wrong code, an impostor on the port, or a refusal in the server's words. */
export type Trouble = 'offline' | 'unpaired' | 'wrong_code' | 'expired' | 'impostor' | 'refused';

export type Key = Uint8Array<ArrayBuffer>;

/** What link needs of a WebSocket; tests pass a fake. */
export interface Socket {
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  send(text: string): void;
  close(): void;
}

export interface LinkRequest {
  url: string;
  origin: string;
  key: Key | null;
  code: string | null;
  identity: Identity;
  connect?: (url: string) => Socket;
}

export interface LinkEvents {
  ready(frame: Ready, key: Key): void;
  frame(frame: ServerFrame): void;
  /** Exactly once, also after ready. */
  closed(trouble: Trouble, error: ErrorFrame | null): void;
}

const TROUBLE_OF_CODE: Record<string, Trouble> = {
  not_paired: 'unpaired',
  pairing_expired: 'expired',
  pairing_locked: 'wrong_code',
};

export class Link {
  private readonly nonce = newNonce();
  private readonly socket: Socket;
  private phase: 'hello' | 'proving' | 'proved' | 'ready' | 'closed' = 'hello';
  private key: Key | null;

  constructor(
    private readonly request: LinkRequest,
    private readonly events: LinkEvents,
  ) {
    this.key = request.key;
    this.socket = (request.connect ?? ((url) => new WebSocket(url)))(request.url);
    const mode = request.code === null ? 'proof' : 'pair';
    this.socket.onopen = () => this.transmit({ type: 'hello', version: VERSION, mode, nonce: this.nonce, ...request.identity });
    this.socket.onmessage = (event: MessageEvent) => void this.receive(String(event.data));
    this.socket.onclose = () => this.end('offline');
  }

  /** Only after `ready`; earlier frames are refused, so no page text can leave before the proof. */
  send(frame: ClientFrame): boolean {
    if (this.phase !== 'ready') return false;
    this.transmit(frame);
    return true;
  }

  close(): void {
    this.end('offline');
  }

  private transmit(frame: ClientFrame): void {
    this.socket.send(JSON.stringify(frame));
  }

  private async receive(text: string): Promise<void> {
    const frame = parse(text);
    if (this.phase === 'closed') return;
    if (!frame) return this.end('impostor');
    if (this.phase === 'ready') return this.events.frame(frame);
    if (frame.type === 'error') return this.end(TROUBLE_OF_CODE[frame.code] ?? 'refused', frame);
    if (this.phase === 'hello' && frame.type === 'challenge') return this.prove(frame);
    if (this.phase === 'proved' && frame.type === 'ready' && this.key) {
      this.phase = 'ready';
      return this.events.ready(frame, this.key);
    }
    return this.end('impostor');
  }

  private async prove(challenge: Challenge): Promise<void> {
    this.phase = 'proving';
    const { origin, code, url } = this.request;
    if (code !== null) this.key = await keyFromCode(code, this.nonce, challenge.nonce);
    if (!this.key) return this.end('unpaired');
    const port = Number(new URL(url).port);
    const shake: Handshake = { nonceClient: this.nonce, nonceServer: challenge.nonce, origin, port };
    const expected = await proofOf('server', this.key, shake);
    if (!sameProof(expected, challenge.mac)) return this.end(code === null ? 'impostor' : 'wrong_code');
    const mac = await proofOf('client', this.key, shake);
    if (this.phase !== 'proving') return;
    this.phase = 'proved';
    this.transmit({ type: 'proof', mac });
  }

  private end(trouble: Trouble, error: ErrorFrame | null = null): void {
    if (this.phase === 'closed') return;
    this.phase = 'closed';
    this.socket.close();
    this.events.closed(trouble, error);
  }
}

/** A frame, or null for what is not even a JSON object with a type. */
function parse(text: string): ServerFrame | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && typeof (value as ServerFrame).type === 'string' ? (value as ServerFrame) : null;
  } catch {
    return null;
  }
}
