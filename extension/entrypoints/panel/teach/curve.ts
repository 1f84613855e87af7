// Where the points of a loss curve lie in its drawing, and what it says in words. Pure. Called by Curve.
import type { LossPoint } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';

export const WIDTH = 340;
export const HEIGHT = 170;
const LEFT = 38;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 34;
const LOSS_TICKS = 3;

export interface Tick {
  at: number;
  label: string;
}

export interface Drawing {
  trained: string;
  heldout: { x: number; y: number }[];
  losses: Tick[];
  steps: Tick[];
  box: { left: number; right: number; top: number; bottom: number };
}

/** Null while there is nothing to draw. `steps`: how many there can be. */
export function drawingOf(trained: LossPoint[], heldout: LossPoint[], steps: number): Drawing | null {
  const all = [...trained, ...heldout];
  if (all.length === 0) return null;
  const last = Math.max(steps, ...all.map(({ step }) => step), 1);
  const [low, high] = spread(Math.min(...all.map(({ loss }) => loss)), Math.max(...all.map(({ loss }) => loss)));
  const box = { left: LEFT, right: WIDTH - RIGHT, top: TOP, bottom: HEIGHT - BOTTOM };
  const x = (step: number): number => round(box.left + (step / last) * (box.right - box.left));
  const y = (loss: number): number => round(box.bottom - ((loss - low) / (high - low)) * (box.bottom - box.top));
  const ticks = Array.from({ length: LOSS_TICKS }, (_, nth) => low + (nth * (high - low)) / (LOSS_TICKS - 1));
  return {
    trained: trained.map(({ step, loss }) => `${x(step)},${y(loss)}`).join(' '),
    heldout: heldout.map(({ step, loss }) => ({ x: x(step), y: y(loss) })),
    losses: ticks.map((loss) => ({ at: y(loss), label: loss.toFixed(2) })),
    steps: [0, Math.round(last / 2), last].map((step) => ({ at: x(step), label: step.toLocaleString() })),
    box,
  };
}

/** For who does not see the drawing. */
export function wordsOfCurve(trained: LossPoint[], heldout: LossPoint[]): string {
  const lines = [[trained, 'curveTrainedText'], [heldout, 'curveHeldoutText']] as const;
  return lines.flatMap(([points, name]) => {
    const [first, last] = [points[0], points.at(-1)];
    return first && last ? [t(name, first.loss.toFixed(2), last.loss.toFixed(2))] : [];
  }).join(' ');
}

/** A little air above and below; never an empty range. */
function spread(low: number, high: number): [number, number] {
  const air = Math.max((high - low) * 0.08, 0.05);
  return [Math.max(0, low - air), high + air];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
