// What panel, background and page say to each other inside the extension. Types only.
import type { ClientFrame, Ready, ServerFrame } from './protocol.ts';
import type { Trouble } from './link.ts';
import type { UnreadFrames } from '../page/frames.ts';
import type { Context, Host } from '../invitations.ts';
import type { Layout, Stand } from '../sidebar/layout.ts';

/** The page as it is read: blocks[n - 1] is cited as [n]. */
export interface PageText {
  title: string;
  url: string;
  blocks: string[];
  /** schema.org types that the page declares. */
  types: string[];
  blocksLeftOut: number;
  /** Frames of other sites, which are not read. */
  frames: UnreadFrames;
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
  /** `preview`: a lighter highlight beside the one that is shown, without scrolling. */
  | { do: 'show'; passage: Passage; preview?: boolean }
  | { do: 'clear'; preview?: boolean }
  | { do: 'close' }
  | { do: 'flip' }
  | { do: 'fold' }
  | { do: 'float'; floats: boolean };

export type PageAnswer = { page: PageText } | { selection: string } | { shown: boolean } | { error: string };

/** A tab that can be added to the conversation. `site` is its match pattern, for asking permission. */
export interface OpenTab {
  tab: number;
  title: string;
  url: string;
  site: string;
}

/** Over the MessageChannel between the in-page panel and the page script. */
export type ToPage = { hello: true } | { id: number; command: PageCommand };
export type PageEvent = { event: 'moved' | 'focus' } | { event: 'placed'; stand: Stand };
export type FromPage = { id: number; answer: PageAnswer } | PageEvent;

/** What the page's toolbar or menu puts into the panel's box. */
export interface Fill {
  words: string;
  /** The passage that the question is about. */
  selection: string;
  /** Of whom it is asked; null leaves the choice as it is. */
  copilot: string | null;
  /** The picker opens first. */
  isToChoose: boolean;
  /** Asked at once. */
  isToSend: boolean;
}

/** What the selection toolbar may show on this page; null when it is switched off. */
export type ToolbarView = { copilot: string } | null;

/** From the page's scripts to the background. `invite` is answered by a nonce for the panel's frame. */
export type PageMessage =
  | { kind: 'invite' }
  | { kind: 'blocked' }
  | { kind: 'layout'; layout: Layout }
  | { kind: 'toolbar' }
  | { kind: 'toolbarOff'; where: 'site' | 'everywhere' }
  | { kind: 'fill'; fill: Fill };

/** From a panel to the background, as a message of its own: only that carries the person's click. `move` is answered by whether it opened there. */
export type PanelMessage =
  | { kind: 'move'; to: Host; nonce: string }
  | { kind: 'remap' }
  | { kind: 'sample' }
  | { kind: 'recall'; names: string[] }
  | { kind: 'keep'; values: Record<string, unknown> };

/** From the background to the page script. */
export type PageOrder = { kind: 'toggle'; layout: Layout; isToStay: boolean } | { kind: 'command'; command: PageCommand };

export interface LinkView {
  status: 'connecting' | 'ready' | Trouble;
  /** Why it is not ready: the server's code and sentence; empty when it said nothing. */
  code: string;
  message: string;
  ready: Ready | null;
  /** True when the server knows nothing of earlier pages and runs: open the page again. */
  fresh: boolean;
}

export interface Shortcut {
  command: string;
  keys: string;
}

/** Over the runtime port, panel to background. `nonce` is what the panel was opened with. */
export type FromPanel =
  | { kind: 'open'; nonce: string | null; page: string | null; seen: Record<string, number> }
  | { kind: 'shortcuts' }
  | { kind: 'frame'; frame: ClientFrame }
  | { kind: 'pair'; code: string }
  | { kind: 'retry' }
  | { kind: 'keepalive' }
  | { kind: 'tabs' }
  /** `tab`: another one than that of the panel, which background lets it reach or not. */
  | { kind: 'command'; id: number; command: PageCommand; tab?: number };

export type ToPanel =
  | ({ kind: 'opened'; isPrivate: boolean } & Context)
  | { kind: 'shortcuts'; shortcuts: Shortcut[] }
  | { kind: 'untrusted' }
  | { kind: 'link'; link: LinkView }
  | { kind: 'frame'; frame: ServerFrame }
  | { kind: 'fill'; fill: Fill }
  /** Null where the panel may not know them. */
  | { kind: 'tabs'; tabs: OpenTab[] | null }
  | { kind: 'tab'; tab: number; now: 'closed' | 'moved'; site: string | null }
  | { kind: 'answer'; id: number; answer: PageAnswer };
