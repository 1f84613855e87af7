// Where the question is written. Called by App. Enter asks, Shift+Enter starts a line; the selected passage can be taken along.
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../../lib/words.ts';
import { Icon } from './Icon.tsx';
import type { State } from './state/state.ts';
import type { Store } from './state/store.ts';
import { isRunning, OWN_WORDS_MAX } from './state/thread.ts';

export function Composer({ store, state, isCovered }: { store: Store; state: State; isCovered: boolean }) {
  const [draft, setDraft] = useState('');
  const [dropped, setDropped] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  useGrowth(field, draft);
  useFocus(field, isCovered);
  const hasPage = (state.page.text?.blocks.length ?? 0) > 0 && state.page.status !== 'error';
  const isBusy = state.turns.some(isRunning);
  const withSelection = state.selection !== '' && state.selection !== dropped;
  const canAsk = hasPage && !isBusy && draft.trim() !== '';
  const ask = (): void => {
    if (!canAsk) return;
    store.ask(draft.trim(), withSelection);
    setDraft('');
  };
  return (
    <div class="composer" role="group" aria-label={t('composer')}>
      {withSelection && <Selection text={state.selection} drop={() => setDropped(state.selection)} />}
      <div class="field">
        <textarea
          ref={field}
          rows={1}
          maxLength={OWN_WORDS_MAX}
          value={draft}
          aria-label={t('composer')}
          placeholder={t(withSelection ? 'composerSelection' : 'composerHint')}
          onInput={(event) => setDraft(event.currentTarget.value)}
          onKeyDown={(event) => onEnter(event, ask)}
        />
        <button type="button" class="send" aria-label={t('send')} title={t('send')} disabled={!canAsk} onClick={ask}>
          <Icon name="send" />
        </button>
      </div>
    </div>
  );
}

function onEnter(event: KeyboardEvent, act: () => void): void {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  act();
}

function Selection({ text, drop }: { text: string; drop: () => void }) {
  return (
    <div class="selection">
      <span class="selection-label">{t('aboutSelection')}</span>
      <q class="selection-text">{text}</q>
      <button type="button" class="tool" aria-label={t('dropSelection')} title={t('dropSelection')} onClick={drop}>
        <Icon name="close" />
      </button>
    </div>
  );
}

function useGrowth(field: { current: HTMLTextAreaElement | null }, draft: string): void {
  useEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = 'auto';
    element.style.height = `${Math.min(element.scrollHeight, 180)}px`;
  }, [field, draft]);
}

/** Ready to type whenever the panel gets the focus or the picker closes. */
function useFocus(field: { current: HTMLTextAreaElement | null }, isCovered: boolean): void {
  useEffect(() => {
    if (isCovered) return;
    const aborter = new AbortController();
    field.current?.focus();
    const onFocus = (): void => void (document.activeElement === document.body && field.current?.focus());
    addEventListener('focus', onFocus, { signal: aborter.signal });
    return () => aborter.abort();
  }, [field, isCovered]);
}
