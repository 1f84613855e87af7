// What the panel knows at one moment, and how it begins. Types and first values only; read by the components, changed by store.
import type { LinkView, OpenTab, PageText, Shortcut } from '../../../lib/connection/messages.ts';
import type { DoctorLine, SuggestedCopilot } from '../../../lib/connection/protocol.ts';
import type { Host } from '../../../lib/invitations.ts';
import type { Stand } from '../../../lib/sidebar/layout.ts';
import type { OtherTab, Part } from '../../../lib/tabs/joined.ts';
import { type HistoryView, NO_HISTORY, NO_THREAD, type OpenThread } from './kept.ts';
import type { Queued } from './queue.ts';
import type { Turn } from './thread.ts';
import type { TrainingFrame } from './training.ts';

/** The evidence that is highlighted in the page: `at` is its place in the answer `run`; -1 for a passage that no answer cites. */
export interface Lit {
  run: string;
  at: number;
}

export interface TeachOpen {
  section: 'corrections' | 'training' | 'report';
  correct: Turn | null;
}

export interface PageState {
  status: 'looking' | 'empty' | 'unreadable' | 'opening' | 'ready' | 'error';
  id: string | null;
  /** With the blocks of other tabs behind its own. */
  text: PageText | null;
  /** Which blocks are those of other tabs. */
  parts: Part[];
  /** Digests of the blocks, one for each tab: two readings of the same text have the same. Empty until the page is read. */
  reading: string;
  /** The page's address as kept conversations have it; null until the server has said it. */
  address: string | null;
  tokensDone: number;
  tokensTotal: number;
  blocksRead: number;
  blocksTotal: number;
  /** Numbers of blocks that give orders to whatever program reads the page. */
  ordering: number[];
  message: string;
  moved: boolean;
  /** The copilots that fit the page, best first, each with words of the page that speak for it. */
  suggested: SuggestedCopilot[];
}

export interface State {
  host: Host;
  /** The page's match pattern, for asking permission; null when it may not be asked for. */
  site: string | null;
  /** In the page: how the sidebar stands there now. */
  stand: Stand;
  shortcuts: Shortcut[];
  link: LinkView;
  untrusted: boolean;
  tab: number | null;
  page: PageState;
  /** Other tabs that are asked about together with the page. */
  others: OtherTab[];
  /** Those that can be added; null until they are listed. */
  openTabs: OpenTab[] | null;
  copilot: string;
  /** Copilots that answer the next question together; empty when `copilot` answers alone. */
  several: string[];
  recent: string[];
  favourites: string[];
  /** The branch on show, from the first question to the last. */
  turns: Turn[];
  /** Turns of the other branches. */
  hidden: Turn[];
  /** Questions that wait for the answer before them. */
  queue: Queued[];
  /** Run of the turn whose question is in the box to be asked anew. */
  editing: string | null;
  /** Words that were put into the box from outside it; a new object each time. `isToChoose`: the picker opens first. */
  filling: { words: string; isToChoose: boolean } | null;
  /** A passage taken along by the page's toolbar, its menu or an edit, until it is asked about or dropped. */
  taken: string;
  /** The page's selection that is not to be asked about. */
  dropped: string;
  withoutPage: boolean;
  thread: OpenThread;
  history: HistoryView;
  /** The user wants nothing of this conversation kept. */
  isPrivate: boolean;
  /** The browser's own private window. */
  isPrivateWindow: boolean;
  /** What is taught is on show over the conversation, and which answer was chosen to be corrected. */
  teach: TeachOpen | null;
  /** The training under way, or the report of the last one until it is put away. */
  training: TrainingFrame | null;
  isOwnOpen: boolean;
  /** What answers, other bases and a server elsewhere are on show over the conversation. */
  isEngineOpen: boolean;
  selection: string;
  notice: string;
  /** The self-test is open. `doctor`: what the server says of its machine, null while it looks. */
  isTesting: boolean;
  doctor: DoctorLine[] | null;
  /** The tour was neither taken nor declined. */
  isNew: boolean;
  /** The user wants a new pairing although the old key is still here. */
  isPairingAgain: boolean;
  /** The quote that was looked for in the page and is not there any more. */
  missing: string;
  lit: Lit | null;
}

export const NO_PAGE: PageState = {
  status: 'looking', id: null, text: null, parts: [], reading: '', address: null, tokensDone: 0, tokensTotal: 0, blocksRead: 0, blocksTotal: 0, ordering: [], message: '', moved: false,
  suggested: [],
};

export const FIRST_STATE: State = {
  host: window.top === window ? 'tab' : 'page', site: null, stand: { shape: 'dock', floats: false }, shortcuts: [],
  link: { status: 'connecting', code: '', message: '', ready: null, fresh: true },
  untrusted: false, tab: null, page: NO_PAGE, others: [], openTabs: null, copilot: 'generalist', several: [], recent: [], favourites: [], turns: [], hidden: [], queue: [],
  editing: null, filling: null, taken: '', dropped: '', withoutPage: false,
  thread: NO_THREAD, history: NO_HISTORY, isPrivate: false, isPrivateWindow: false,
  teach: null, training: null, isOwnOpen: false, isEngineOpen: false, selection: '', notice: '', missing: '', lit: null, isPairingAgain: false, isTesting: false, doctor: null, isNew: false,
};

/** The passage that the next question is about; empty when it is about the whole page. */
export function aboutOf({ taken, selection, dropped }: Pick<State, 'taken' | 'selection' | 'dropped'>): string {
  return taken || (selection === dropped ? '' : selection);
}

/** There is a page to ask about, or it may go without one. */
export function isAskable({ page, link, withoutPage }: Pick<State, 'page' | 'link' | 'withoutPage'>): boolean {
  if (withoutPage) return link.status === 'ready';
  return (page.text?.blocks.length ?? 0) > 0 && page.status !== 'error';
}
