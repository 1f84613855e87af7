// The correction that is being written, kept while the browser runs so that a reload loses no word. Called by teaching.
// Nothing is written for private windows or private conversations.
import { browser } from 'wxt/browser';
import type { PassageCard } from '../../../lib/connection/protocol.ts';

export interface Draft {
  copilot: string;
  /** Id of a kept correction; null for a new one. */
  correction: string | null;
  /** Where the page of a new one is. */
  url: string;
  title: string;
  question: string;
  answer: string;
  corrected: string;
  /** Passages that can be quoted with one click. */
  passages: PassageCard[];
  isPrivate: boolean;
}

export async function recallDraft(tab: number | null): Promise<Draft | null> {
  const name = nameOf(tab);
  const kept = await browser.storage.session.get<Record<string, Draft | undefined>>(name);
  return kept[name] ?? null;
}

export async function keepDraft(tab: number | null, draft: Draft | null): Promise<void> {
  if (draft === null) await browser.storage.session.remove([nameOf(tab)]);
  else if (!draft.isPrivate) await browser.storage.session.set({ [nameOf(tab)]: draft });
}

/** background forgets by this name when the tab is closed. */
function nameOf(tab: number | null): string {
  return `chat:${tab}:teach`;
}
