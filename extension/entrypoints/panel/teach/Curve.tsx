// The losses of a training as a drawing: a line for the training examples, a dashed one with dots for the held-out. Called by Progress and Report.
import type { LossPoint } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { drawingOf, HEIGHT, WIDTH, wordsOfCurve } from './curve.ts';

export function Curve({ trained, heldout, steps }: { trained: LossPoint[]; heldout: LossPoint[]; steps: number }) {
  const drawing = drawingOf(trained, heldout, steps);
  if (!drawing) return null;
  const { box, losses } = drawing;
  return (
    <figure class="curve">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${t('curveLabel')}. ${wordsOfCurve(trained, heldout)}`} direction="ltr">
        {losses.map(({ at, label }) => (
          <g key={label}>
            <line class="curve-grid" x1={box.left} x2={box.right} y1={at} y2={at} />
            <text class="curve-tick" x={box.left - 6} y={at + 3.5} text-anchor="end">{label}</text>
          </g>
        ))}
        {drawing.steps.map(({ at, label }, nth) => (
          <text key={at} class="curve-tick" x={at} y={box.bottom + 15} text-anchor={nth === 0 ? 'start' : nth === 2 ? 'end' : 'middle'}>{label}</text>
        ))}
        <text class="curve-axis" x={(box.left + box.right) / 2} y={HEIGHT - 3} text-anchor="middle">{t('curveSteps')}</text>
        <polyline class="curve-trained" points={drawing.trained} />
        <polyline class="curve-heldout" points={drawing.heldout.map(({ x, y }) => `${x},${y}`).join(' ')} />
        {drawing.heldout.map(({ x, y }) => <circle key={x} class="curve-dot" cx={x} cy={y} r="3" />)}
      </svg>
      <figcaption class="curve-legend" aria-hidden="true">
        <span><i class="key-trained" />{t('curveTrained')}</span>
        <span><i class="key-heldout" />{t('curveHeldout')}</span>
        <span class="curve-what">{t('curveLoss')}</span>
      </figcaption>
    </figure>
  );
}
