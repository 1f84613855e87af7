// The strip under the copilot's line: a training that could begin, how far one is, what came of it. Called by App.
// Read out when a phase begins and at the end, not with each percent. Inside a web page nothing can be started, stopped or
// put away: the page could place the click.
import { useRef } from 'preact/hooks';
import type { TrainFigures } from '../../lib/connection/protocol.ts';
import { number, t } from '../../lib/words.ts';
import { Icon } from './Icon.tsx';
import type { State, TeachOpen } from './state/state.ts';
import type { Store } from './state/store.ts';
import { isPaused, mayTryAgain, remainingOf, type TrainingView, viewOf } from './state/training.ts';

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
      {view.kind !== 'none' && (state.host === 'page' ? <Beside store={store} /> : <Actions store={store} view={view} does={does} />)}
    </section>
  );
}

function Beside({ store }: { store: Store }) {
  return <Action name="teachBeside" act={() => void store.hosting.move('side')} />;
}

function Actions({ store, view, does }: { store: Store; view: Exclude<TrainingView, { kind: 'none' }>; does: (act: () => void) => () => void }) {
  const show = (section: TeachOpen['section']) => (): void => store.showTeach({ section, correct: null });
  if (view.kind === 'offer') {
    return (
      <>
        <button type="button" class="action" aria-describedby="training-cost" onClick={does(() => store.train(store.current?.id ?? ''))}>{t('train')}</button>
        <Action name="teach" act={show('corrections')} />
        <span class="training-cost" id="training-cost">{t(view.isSmallBase ? 'trainMinutes' : 'trainHours')}</span>
      </>
    );
  }
  if (view.kind === 'running') {
    return (
      <>
        {isPaused(view) && <Action name="trainGoOn" act={does(() => store.train(view.copilot))} />}
        <Action name="trainDetails" act={show('training')} />
        <Action name={isPaused(view) ? 'trainPutAway' : 'trainCancel'} act={does(() => store.endTraining(view.copilot))} />
      </>
    );
  }
  return (
    <>
      {mayTryAgain(view) ? <Action name="retry" act={does(() => store.train(view.copilot))} /> : <Action name="reportTabTitle" act={show('report')} />}
      <PutAway act={does(() => store.endTraining(view.copilot))} />
    </>
  );
}

function Action({ name, act }: { name: string; act: () => void }) {
  return <button type="button" class="action" onClick={act}>{t(name)}</button>;
}

/** A bar without a value, and no numbers, while nobody knows how long the phase takes. */
function Way({ view, name }: { view: Running; name: string }) {
  const numbers = [view.percent === null ? '' : percent(view.percent / 100), view.remaining_s === null ? '' : t(...remainingOf(view.remaining_s))];
  if (isPaused(view)) return null;
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
  const signed = number(rise, { style: 'percent', maximumFractionDigits: 1, signDisplay: 'exceptZero' });
  return [percent(checks.before), percent(checks.after), inLoss(loss.before), inLoss(loss.after), signed];
}

function percent(share: number): string {
  return number(share, { style: 'percent', maximumFractionDigits: 0 });
}

function inLoss(loss: number): string {
  return number(loss, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
