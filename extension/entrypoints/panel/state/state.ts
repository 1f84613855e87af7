// What the panel knows at one moment, and how it begins. Types and first values only; read by the components, changed by store.
import type { LinkView, PageText } from '../../../lib/connection/messages.ts';
import type { SuggestedCopilot } from '../../../lib/connection/protocol.ts';
import type { Turn } from './thread.ts';
import type { TrainingFrame } from './training.ts';

export interface PageState {
  status: 'looking' | 'empty' | 'unreadable' | 'opening' | 'ready' | 'error';
  id: string | null;
  text: PageText | null;
  tokensDone: number;
  tokensTotal: number;
  blocksRead: number;
  blocksTotal: number;
  message: string;
  moved: boolean;
  /** The copilots that fit the page, best first, each with words of the page that speak for it. */
  suggested: SuggestedCopilot[];
}

export interface State {
  link: LinkView;
  untrusted: boolean;
  tab: number | null;
  page: PageState;
  copilot: string;
  recent: string[];
  turns: Turn[];
  /** The training under way, or the report of the last one until it is put away. */
  training: TrainingFrame | null;
  selection: string;
  notice: string;
  /** The user wants a new pairing although the old key is still here. */
  isPairingAgain: boolean;
  /** The quote that was looked for in the page and is not there any more. */
  missing: string;
}

export const NO_PAGE: PageState = {
  status: 'looking', id: null, text: null, tokensDone: 0, tokensTotal: 0, blocksRead: 0, blocksTotal: 0, message: '', moved: false,
  suggested: [],
};

export const FIRST_STATE: State = {
  link: { status: 'connecting', message: '', ready: null, fresh: true },
  untrusted: false, tab: null, page: NO_PAGE, copilot: 'generalist', recent: [], turns: [], training: null, selection: '', notice: '', missing: '', isPairingAgain: false,
};
