// What panel, background and page say to each other inside the extension. Types only.
import type { ClientFrame, Ready, ServerFrame } from './protocol.ts';
import type { Trouble } from './link.ts';
import type { Layout } from '../sidebar.ts';

/** The page as it is read: blocks[n - 1] is cited as [n]. */
export interface PageText {
  title: string;
  url: string;
  blocks: string[];
  /** schema.org types that the page declares. */
  types: string[];
  blocksLeftOut: number;
  selection: string;
}

/** A passage to show: offsets are UTF-16 units of the block as sent; null when only the words are known. */
export interface Passage {
  block: number | null;
  start: number | null;
  end: number | null;
  text: string;
}

export type PageCommand =
  | { do: 'read' }
  | { do: 'selection' }
  | { do: 'show'; passage: Passage }
  | { do: 'clear' }
  | { do: 'close' }
  | { do: 'flip' };

export type PageAnswer = { page: PageText } | { selection: string } | { shown: boolean } | { error: string };

/** Over the MessageChannel between the in-page panel and the page script. */
export type ToPage = { hello: true } | { id: number; command: PageCommand };
export type FromPage = { id: number; answer: PageAnswer } | { event: 'moved' | 'focus' };

/** From the page script to the background. */
export type PageMessage = { kind: 'register'; nonce: string } | { kind: 'blocked' } | { kind: 'layout'; layout: Layout };

/** From the background to the page script. */
export type PageOrder = { kind: 'toggle'; layout: Layout } | { kind: 'command'; command: PageCommand };

export interface LinkView {
  status: 'connecting' | 'ready' | Trouble;
  message: string;
  ready: Ready | null;
  /** True when the server knows nothing of earlier pages and runs: open the page again. */
  fresh: boolean;
}

/** Over the runtime port, panel to background. `nonce` is set in the in-page host, `tab` in the other two. */
export type FromPanel =
  | { kind: 'open'; nonce: string | null; tab: number | null; page: string | null; seen: Record<string, number> }
  | { kind: 'frame'; frame: ClientFrame }
  | { kind: 'pair'; code: string }
  | { kind: 'retry' }
  | { kind: 'keepalive' }
  | { kind: 'command'; id: number; command: PageCommand };

export type ToPanel =
  | { kind: 'opened'; tab: number }
  | { kind: 'untrusted' }
  | { kind: 'link'; link: LinkView }
  | { kind: 'frame'; frame: ServerFrame }
  | { kind: 'answer'; id: number; answer: PageAnswer };
