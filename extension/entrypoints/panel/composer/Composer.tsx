// Where the question is written. Called by App. Enter asks or queues, Shift+Enter starts a line; the selected passage can be taken along.
import { useRef } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import { aboutOf, isAskable, type State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { isRunning, OWN_WORDS_MAX } from '../state/thread.ts';
import { useDraft, useFocus, useGrowth, useStopKey } from './field.ts';
import { PageSwitch } from './PageSwitch.tsx';
import { Queue } from './Queue.tsx';
import { Editing, Selection } from './Strips.tsx';

export function Composer({ store, state, isCovered }: { store: Store; state: State; isCovered: boolean }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const { draft, write, clear } = useDraft(field, state.filling);
  useGrowth(field, draft);
  useFocus(field, isCovered);
  useStopKey(store.asking);
  const about = aboutOf(state);
  const isBusy = [...state.turns, ...state.hidden].some(isRunning);
  const canAsk = isAskable(state) && draft.trim() !== '';
  const ask = (): void => {
    store.ask(draft.trim(), about !== '');
    clear();
  };
  return (
    <>
      {state.queue.length > 0 && <Queue queue={state.queue} asking={store.asking} isBusy={isBusy} />}
      <div class="composer" role="group" aria-label={t('composer')}>
        {state.editing !== null && <Editing stop={() => (store.asking.stopEditing(), clear())} />}
        {about !== '' && <Selection text={about} drop={store.dropSelection} />}
        <div class="field">
          <textarea
            ref={field}
            rows={1} dir="auto"
            maxLength={OWN_WORDS_MAX}
            value={draft}
            aria-label={t('composer')}
            placeholder={placeholderOf(state, about !== '', isBusy)}
            onInput={(event) => write(event.currentTarget.value)}
            onKeyDown={(event) => onEnter(event, canAsk ? ask : null)}
          />
        </div>
        <div class="composer-row">
          <PageSwitch store={store} state={state} />
          {isBusy && <Round name="stop" shortcut="Alt+." title={t('stopTitle')} act={() => void store.asking.stopAll()} />}
          {(!isBusy || canAsk) && <Round name="send" title={t(isBusy ? 'sendLater' : 'send')} isOff={!canAsk} act={ask} />}
        </div>
      </div>
    </>
  );
}

function placeholderOf({ withoutPage }: State, isAboutSelection: boolean, isBusy: boolean): string {
  if (isBusy) return t('composerNext');
  if (isAboutSelection) return t('composerSelection');
  return t(withoutPage ? 'composerWithoutPage' : 'composerHint');
}

function Round({ name, title, act, shortcut, isOff = false }: { name: 'send' | 'stop'; title: string; act: () => void; shortcut?: string; isOff?: boolean }) {
  return (
    <button type="button" class={`round round-${name}`} aria-label={title} title={title} aria-keyshortcuts={shortcut} disabled={isOff} onClick={act}>
      <Icon name={name} />
    </button>
  );
}

function onEnter(event: KeyboardEvent, act: (() => void) | null): void {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  act?.();
}
