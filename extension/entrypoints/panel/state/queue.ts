// Questions that wait until the answer before them has ended. Pure: called by asking, tested without a browser.
import type { CopilotCard } from '../../../lib/connection/protocol.ts';

/** What is asked, of whom, and in which place of the thread. */
export interface Asked {
  question: string;
  selection: string;
  copilot: CopilotCard['id'];
  /** Copilots that answer together, two at least; empty when `copilot` answers alone. */
  several: CopilotCard['id'][];
  withoutPage: boolean;
  /** Run of the turn whose place it takes; null at the end of the thread. */
  replaces: string | null;
}

export interface Queued extends Asked {
  id: string;
  /** Not sent by itself: the answer before it failed or was stopped. */
  isPaused: boolean;
}

const NOBODY_ELSE = { several: [] }; // a question that an earlier version kept

/** The question whose turn it is, and the rest. */
export function takeNext(queue: Queued[]): [next: Queued | null, rest: Queued[]] {
  const [next, ...rest] = queue;
  return next && !next.isPaused ? [next, rest] : [null, queue];
}

export function pause(queue: Queued[]): Queued[] {
  return queue.map((queued) => marked(queued, true));
}

/** The person says so: all of them may go again, this one first. */
export function resume(queue: Queued[], id: string): Queued[] {
  const [first, others] = [queue.filter((queued) => queued.id === id), queue.filter((queued) => queued.id !== id)];
  return [...first, ...others].map((queued) => marked(queued, false));
}

function marked(queued: Queued, isPaused: boolean): Queued {
  return { ...NOBODY_ELSE, ...queued, isPaused };
}
