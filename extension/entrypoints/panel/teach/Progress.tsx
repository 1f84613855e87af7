// A training from the offer to its end: what it learns from, the curve, the time left, pause and failure. Called by Teach.
import type { CopilotCard, TrainProgress } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { isPaused, remainingOf, viewOf } from '../state/training.ts';
import { Curve } from './Curve.tsx';
import type { Taught } from './teaching.ts';

interface Props {
  store: Store;
  state: State;
  taught: Taught;
  showReport: () => void;
}

export function Progress({ store, state, taught, showReport }: Props) {
  const { training } = state;
  const card = store.copilots.find(({ id }) => id === taught.copilot);
  if (training?.type === 'train.progress') return isPaused(training) ? <Paused store={store} training={training} /> : <Running store={store} training={training} />;
  if (!training) return <Offer store={store} state={state} card={card} taught={taught} />;
  const view = viewOf(training, card, 0);
  const isMeasured = training.code === null;
  return (
    <div class="teach-part">
      <p class={view.kind === 'ended' && view.outcome === 'failed' ? 'notice-bad' : ''} role="status"><strong>{store.nameOf(training.copilot)}</strong> {training.why}</p>
      <Curve trained={training.trained} heldout={training.heldout} steps={0} />
      <div class="editor-foot">
        {isMeasured
          ? <button type="button" class="primary" onClick={showReport}>{t('teachSeeReport')}</button>
          : <button type="button" class="primary" onClick={() => store.train(training.copilot)}>{t('trainGoOn')}</button>}
        <button type="button" class="action" onClick={() => store.endTraining(training.copilot)}>{t('trainPutAway')}</button>
      </div>
    </div>
  );
}

function Offer({ store, state, card, taught }: Omit<Props, 'showReport'> & { card: CopilotCard | undefined }) {
  if (!card?.trainable) return <p class="none">{t('trainNoExamples')}</p>;
  const isSmall = viewOf(null, { ...card, mode: 'instructed' }, state.link.ready?.base.parameters ?? 0);
  return (
    <div class="teach-part">
      <p>{t(taught.total > 0 ? 'trainWithCorrections' : 'trainWithoutCorrections', card.name, taught.total)}</p>
      <p class="teach-note" id="teach-cost">{t(isSmall.kind === 'offer' && isSmall.isSmallBase ? 'trainMinutes' : 'trainHours')}</p>
      <button type="button" class="primary" aria-describedby="teach-cost" onClick={() => store.train(card.id)}>{t('train')}</button>
    </div>
  );
}

function Running({ store, training }: { store: Store; training: TrainProgress }) {
  const { copilot, phase, percent, remaining_s: left, steps, trained, heldout } = training;
  const name = store.nameOf(copilot);
  const numbers = [percent === null ? '' : t('trainPercent', percent), left === null ? '' : t(...remainingOf(left))].filter(Boolean);
  return (
    <div class="teach-part">
      <p role="status">{t(`${phase}Text`, name)}</p>
      <div class="teach-way">
        <progress max={100} value={percent ?? undefined} aria-label={t(`${phase}Text`, name)} />
        <span class="training-distance">{numbers.join(' · ')}</span>
      </div>
      {trained.length + heldout.length > 0 ? <Curve trained={trained} heldout={heldout} steps={steps ?? 0} /> : <p class="teach-note">{t('trainMeasuresFirst')}</p>}
      <p class="teach-note">{t('trainMeanwhile')}</p>
      <button type="button" class="action teach-cancel" onClick={() => store.endTraining(copilot)}>{t('trainCancel')}</button>
    </div>
  );
}

function Paused({ store, training }: { store: Store; training: TrainProgress }) {
  const { copilot, steps, trained, heldout } = training;
  return (
    <div class="teach-part">
      <p role="status">{t('pausedText', store.nameOf(copilot))}</p>
      <Curve trained={trained} heldout={heldout} steps={steps ?? 0} />
      <div class="editor-foot">
        <button type="button" class="primary" onClick={() => store.train(copilot)}>{t('trainGoOn')}</button>
        <button type="button" class="action" onClick={() => store.endTraining(copilot)}>{t('trainPutAway')}</button>
      </div>
    </div>
  );
}
