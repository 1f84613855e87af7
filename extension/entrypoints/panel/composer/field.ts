// How the composer's field behaves: its draft, its height, its focus, the key that stops an answer. Called by Composer.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Asking } from '../state/asking.ts';
import type { State } from '../state/state.ts';

const HEIGHT_MAX = 180;
type Field = { current: HTMLTextAreaElement | null };

interface Draft {
  draft: string;
  write: (draft: string) => void;
  /** It was asked or given up. */
  clear: () => void;
}

/** What is written. Words that come from outside are put in; what stood there before comes back after them. */
export function useDraft(field: Field, filling: State['filling']): Draft {
  const [draft, setDraft] = useState('');
  const aside = useRef('');
  const isFilled = useRef(false);
  useEffect(() => {
    if (!filling) return;
    if (filling.words !== '') {
      setDraft((now) => {
        if (!isFilled.current) aside.current = now;
        return filling.words;
      });
      isFilled.current = true;
    }
    field.current?.focus();
  }, [field, filling]);
  const clear = (): void => {
    setDraft(isFilled.current ? aside.current : '');
    isFilled.current = false;
  };
  return { draft, write: setDraft, clear };
}

export function useGrowth(field: Field, draft: string): void {
  useEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = 'auto';
    element.style.height = `${Math.min(element.scrollHeight, HEIGHT_MAX)}px`;
  }, [field, draft]);
}

/** Ready to type whenever the panel gets the focus or the picker closes. */
export function useFocus(field: Field, isCovered: boolean): void {
  useEffect(() => {
    if (isCovered) return;
    const aborter = new AbortController();
    field.current?.focus();
    const onFocus = (): void => void (document.activeElement === document.body && field.current?.focus());
    addEventListener('focus', onFocus, { signal: aborter.signal });
    return () => aborter.abort();
  }, [field, isCovered]);
}

/** Alt+. stops what is under way; the letter of the key differs by keyboard, so its place counts, too. */
export function useStopKey(asking: Asking): void {
  useEffect(() => {
    const aborter = new AbortController();
    const onKey = (event: KeyboardEvent): void => {
      if (event.altKey && (event.key === '.' || event.code === 'Period') && asking.stopAll()) event.preventDefault();
    };
    addEventListener('keydown', onKey, { signal: aborter.signal });
    return () => aborter.abort();
  }, [asking]);
}
