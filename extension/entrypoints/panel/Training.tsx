// The strip under the copilot's line: train its adapter, how far that is, what came of it. Called by App.
// Read out when a phase begins and at the end, not with each percent.
import { useRef } from 'preact/hooks';
import type { TrainFigures } from '../../lib/connection/protocol.ts';
import { t } from '../../lib/words.ts';
import { Icon } from './Icon.tsx';
import type { State } from './state/state.ts';
import type { Store } from './state/store.ts';
import { mayTryAgain, remainingOf, type TrainingView, viewOf } from './state/training.ts';

type Running = Extract<TrainingView, { kind: 'running' }>;
type Ended = Extract<TrainingView, { kind: 'ended' }>;

export function Training({ store, state }: { store: Store; state: State }) {
  const strip = useRef<HTMLDivElement>(null);
  const { ready, status } = state.link;
  const isReady = status === 'ready' && ready !== null;
  const view: TrainingView = isReady ? viewOf(state.training, store.current, ready.base.parameters) : { kind: 'none' };
  const does = (act: () => void) => (): void => {
    strip.current?.focus(); // the button goes with its view, the focus must not
    act();
  };
  return (
    <section class={`training training-${view.kind}`} aria-label={t('training')} tabIndex={-1} ref={strip}>
      <p class={`training-words${view.kind === 'ended' && view.outcome === 'failed' ? ' notice-bad' : ''}`} role="status">
        {view.kind === 'running' && t(`${view.phase}Text`, store.nameOf(view.copilot))}
        {view.kind === 'ended' && <Outcome view={view} name={store.nameOf(view.copilot)} />}
      </p>
      {view.kind === 'running' && <Way view={view} name={store.nameOf(view.copilot)} />}
      {view.kind === 'running' && <Action name="trainCancel" act={does(() => store.endTraining(view.copilot))} />}
      {view.kind === 'ended' && mayTryAgain(view) && <Action name="retry" act={does(() => store.train(view.copilot))} />}
      {view.kind === 'ended' && <PutAway act={does(() => store.endTraining(view.copilot))} />}
      {view.kind === 'offer' && <Offer isSmallBase={view.isSmallBase} act={does(() => store.train(store.current?.id ?? ''))} />}
    </section>
  );
}

function Action({ name, act }: { name: string; act: () => void }) {
  return <button type="button" class="action" onClick={act}>{t(name)}</button>;
}

function Offer({ isSmallBase, act }: { isSmallBase: boolean; act: () => void }) {
  return (
    <>
      <button type="button" class="action" aria-describedby="training-cost" onClick={act}>{t('train')}</button>
      <span class="training-cost" id="training-cost">{t(isSmallBase ? 'trainMinutes' : 'trainHours')}</span>
    </>
  );
}

/** A bar without a value, and no numbers, while nobody knows how long the phase takes. */
function Way({ view, name }: { view: Running; name: string }) {
  const numbers = [view.percent === null ? '' : percent(view.percent / 100), view.remaining_s === null ? '' : t(...remainingOf(view.remaining_s))];
  return (
    <>
      <progress max={100} value={view.percent ?? undefined} aria-label={t(`${view.phase}Text`, name)} />
      <span class="training-distance">{numbers.filter(Boolean).join(' · ')}</span>
    </>
  );
}

function Outcome({ view, name }: { view: Ended; name: string }) {
  if (view.outcome === 'used' && view.figures) {
    return (
      <>
        <Icon name="check" /> {t('trained', name, ...numbersOf(view.figures))}
      </>
    );
  }
  return <>{view.outcome === 'unused' ? t('trainUnused', name, view.why) : `${name}: ${view.why}`}</>;
}

function PutAway({ act }: { act: () => void }) {
  return (
    <button type="button" class="tool" aria-label={t('trainPutAway')} title={t('trainPutAway')} onClick={act}>
      <Icon name="close" />
    </button>
  );
}

function numbersOf({ loss, checks, general_rise: rise }: TrainFigures): string[] {
  const signed = rise.toLocaleString(undefined, { style: 'percent', maximumFractionDigits: 1, signDisplay: 'exceptZero' });
  return [percent(checks.before), percent(checks.after), loss.before.toFixed(2), loss.after.toFixed(2), signed];
}

function percent(share: number): string {
  return share.toLocaleString(undefined, { style: 'percent', maximumFractionDigits: 0 });
}
