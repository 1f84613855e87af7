// What the panel knows of kept conversations: the list, and the one on screen. Types and first values; part of state.
import type { FoundThread, ThreadCard } from '../../../lib/connection/protocol.ts';

export interface HistoryView {
  isOpen: boolean;
  query: string;
  threads: ThreadCard[];
  /** What a search found; null while nothing is searched for. */
  found: FoundThread[] | null;
  next: number | null;
  total: number;
  keepDays: number;
  /** The one that was just deleted and can be brought back. */
  deleted: ThreadCard | null;
}

/** The conversation on screen. Private ones, and those that have no answer yet, have no card. */
export interface OpenThread {
  id: string | null;
  card: ThreadCard | null;
  /** How many turns the server has before the first one here. */
  earlier: number;
}

export const NO_THREAD: OpenThread = { id: null, card: null, earlier: 0 };
export const NO_HISTORY: HistoryView = { isOpen: false, query: '', threads: [], found: null, next: null, total: 0, keepDays: 0, deleted: null };
