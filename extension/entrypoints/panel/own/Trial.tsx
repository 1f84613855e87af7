// The copilot as it is written, asked about the page beside it; nothing of it is kept. Called by Editor.
import { useRef, useState } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import { Answer } from '../answer/Answer.tsx';
import { Checked } from '../answer/Checked.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { isRunning, type Turn } from '../state/thread.ts';
import { Group } from './Field.tsx';
import type { Editing, Own } from './own.ts';

export function Trial({ own, editing: { draft }, store, state }: { own: Own; editing: Editing; store: Store; state: State }) {
  const [words, setWords] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const question = words ?? draft.starters.find((starter) => starter.trim() !== '') ?? '';
  const { trial } = own.view;
  const isReady = state.page.status === 'ready';
  const running = trial !== null && isRunning(trial);
  const act = (): void => (running ? own.stopTrial() : own.tryOut(question));
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.isComposing) return;
    event.preventDefault();
    if (!running) act();
  };
  return (
    <Group id="own-trial" label={t('ownTry')} hint={t(isReady ? 'ownTryHint' : 'ownTryNoPage')}>
      <div class="own-line">
        <input ref={field} value={question} aria-label={t('ownTryQuestion')} placeholder={t('ownTryQuestion')} onKeyDown={onKeyDown} onInput={(event) => setWords(event.currentTarget.value)} />
        <button type="button" class="action own-try" disabled={!isReady || (!running && question.trim() === '')} onClick={act}>{t(running ? 'stop' : 'ownTryNow')}</button>
      </div>
      {trial && <Result trial={trial} store={store} state={state} />}
    </Group>
  );
}

function Result({ trial, store, state }: { trial: Turn; store: Store; state: State }) {
  return (
    <div class="own-trial" aria-busy={isRunning(trial)}>
      {trial.answer && <Answer turn={trial} store={store} state={state} />}
      {trial.status === 'waiting' && <p class="waiting"><span class="pulse" aria-hidden="true" />{t('thinking')}</p>}
      {trial.status === 'error' && <p class="turn-error" role="alert">{trial.error?.message}</p>}
      {trial.status === 'done' && <Checked turn={trial} coverage="" />}
      <p class="sr-only" role="status">{trial.status === 'done' ? trial.answer : ''}</p>
    </div>
  );
}
