// Where several answers to one question agree and where they differ, by the blocks that they cite. Pure. Called by Differences.
import { citedBlocks } from '../answer/coverage.ts';
import { evidenceOf } from '../answer/evidence.ts';
import { formOf } from '../answer/form.ts';
import type { Turn } from '../state/thread.ts';

export interface Comparison {
  /** How many answers are compared: those that are complete. */
  total: number;
  /** Every block that is cited and by whom, those of most copilots first. */
  cited: { block: number; by: string[] }[];
  /** Of those who give one. */
  verdicts: { name: string; word: string }[];
  /** Those who say that the page does not say it. */
  silent: string[];
}

/** `blocks`: how many the page has; 0 when the answers are about another page or none. */
export function compare(answers: Turn[], blocks: number): Comparison {
  const found: Comparison = { total: 0, cited: [], verdicts: [], silent: [] };
  const cited = new Map<number, string[]>();
  for (const turn of answers) {
    if (turn.status !== 'done' || turn.reason === 'cancelled') continue;
    found.total += 1;
    const name = turn.copilotName;
    const form = formOf(turn.answer, false);
    if (form.kind === 'verdict') found.verdicts.push({ name, word: form.word });
    if (form.kind === 'abstention') found.silent.push(name); // what it names as closest answers nothing
    else for (const block of citedBlocks(evidenceOf(turn, blocks))) cited.set(block, [...(cited.get(block) ?? []), name]);
  }
  found.cited = [...cited].map(([block, by]) => ({ block, by })).toSorted((a, b) => b.by.length - a.by.length || a.block - b.block);
  return found;
}
