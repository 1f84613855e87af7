// The steps of the tour and how one knows that a step is done. Pure: called by Tour.
import type { State } from '../state/state.ts';

export const STEPS = ['ask', 'evidence', 'copilot', 'keep'] as const;
export type Step = (typeof STEPS)[number];

/** English, as the sample page is: the base reads English. */
export const QUESTION = 'How much does membership cost?';

/** The server's own page, see server/sample.py. */
export function isSample(url: string | undefined): boolean {
  return url !== undefined && /^http:\/\/127\.0\.0\.1:\d+\/sample(#.*)?$/.test(url);
}

/** `copilot` is the one with which the tour began. */
export function isDone(step: Step, { turns, lit, copilot: now }: Pick<State, 'turns' | 'lit' | 'copilot'>, copilot: string): boolean {
  if (step === 'ask') return turns.some(({ status }) => status === 'done');
  if (step === 'evidence') return lit !== null;
  return step === 'copilot' && now !== copilot;
}
