// What the panel says about training: an offer, how far the one under way is, or how it ended. Pure: called by Training.
import type { CopilotCard, TrainProgress, TrainReport } from '../../../lib/connection/protocol.ts';

const SMALL_BASE_PARAMETERS = 100_000_000;

export type TrainingFrame = TrainProgress | TrainReport;

export type TrainingView =
  | { kind: 'none' }
  | { kind: 'offer'; isSmallBase: boolean }
  | ({ kind: 'running' } & Pick<TrainProgress, 'copilot' | 'phase' | 'percent' | 'remaining_s'>)
  | ({ kind: 'ended'; outcome: 'used' | 'unused' | 'cancelled' | 'failed' } & Pick<TrainReport, 'copilot' | 'why' | 'figures'>);

/** The training under way or its report first, whoever is chosen; then the offer for the copilot that is chosen. */
export function viewOf(frame: TrainingFrame | null, card: CopilotCard | undefined, parameters: number): TrainingView {
  if (frame?.type === 'train.progress') return { ...frame, kind: 'running' };
  if (frame) return { ...frame, kind: 'ended', outcome: outcomeOf(frame) };
  if (!card?.trainable || card.mode === 'tuned' || card.mode === 'base') return { kind: 'none' };
  return { kind: 'offer', isSmallBase: parameters < SMALL_BASE_PARAMETERS };
}

function outcomeOf({ activated, code }: TrainReport): 'used' | 'unused' | 'cancelled' | 'failed' {
  if (activated) return 'used';
  if (code === null) return 'unused';
  return code === 'train_cancelled' ? 'cancelled' : 'failed';
}

/** The server ended in the middle of it; started again it goes on. */
export function isPaused({ phase }: Pick<TrainProgress, 'phase'>): boolean {
  return phase === 'paused';
}

export function mayTryAgain({ outcome }: Extract<TrainingView, { kind: 'ended' }>): boolean {
  return outcome === 'cancelled' || outcome === 'failed';
}

/** A message's name and the number in it, for the time that is left. */
export function remainingOf(seconds: number): [name: string, ...values: number[]] {
  if (seconds < 60) return ['secondsLeftText'];
  if (seconds < 90 * 60) return ['minutesLeftText', Math.round(seconds / 60)];
  return ['hoursLeftText', Math.round(seconds / 3_600)];
}
