// The tour: an offer to a person who is new, and four steps on the sample page. Called by App until it was taken or declined.
// Each step goes on by itself when its deed is done; nothing takes the focus.
import { useEffect, useState } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { isDone, isSample, QUESTION, STEPS } from './steps.ts';

interface Props {
  store: Store;
  state: State;
  onPick: () => void;
}

export function Tour(props: Props) {
  const { page, turns } = props.state;
  if (isSample(page.text?.url)) return <Steps {...props} />;
  return turns.length === 0 ? <Offer store={props.store} /> : null;
}

function Offer({ store }: { store: Store }) {
  return (
    <section class="tour" aria-label={t('tour')}>
      <p class="tour-words">{t('tourOffer')}</p>
      <div class="tour-row">
        <button type="button" class="tour-main" onClick={store.hosting.openSample}>{t('tourStart')}</button>
        <button type="button" class="action" onClick={store.hosting.endTour}>{t('tourDecline')}</button>
      </div>
    </section>
  );
}

function Steps({ store, state, onPick }: Props) {
  const [at, setAt] = useState(0);
  const [copilot] = useState(state.copilot);
  const step = STEPS[at] ?? 'keep';
  const isLast = at === STEPS.length - 1;
  const isNext = isDone(step, state, copilot);
  useEffect(() => void (isNext && setAt(at + 1)), [isNext, at]);
  return (
    <section class="tour" aria-label={t('tour')}>
      <div class="tour-head">
        <h2 class="tour-title">{t(`tour_${step}`)}</h2>
        <span class="tour-place">{t('tourPlace', at + 1, STEPS.length)}</span>
        <button type="button" class="tool" title={t('tourSkip')} aria-label={t('tourSkip')} onClick={store.hosting.endTour}><Icon name="close" /></button>
      </div>
      <p class="tour-words" role="status">{t(`tourWords_${step}`)}</p>
      <div class="tour-row">
        {step === 'ask' && state.turns.length === 0 && <button type="button" class="tour-main" dir="auto" onClick={() => store.ask(QUESTION, false)}>{QUESTION}</button>}
        {step === 'copilot' && <button type="button" class="tour-main" onClick={onPick}>{t('askAnother')}</button>}
        <button type="button" class={isLast ? 'tour-main' : 'action'} onClick={isLast ? store.hosting.endTour : () => setAt(at + 1)}>{t(isLast ? 'tourEnd' : 'tourNext')}</button>
      </div>
    </section>
  );
}
