// How a piece of evidence is shown in the page: a click jumps there, hover and focus mark it lightly. Called by everything that cites.
// Knows passages and the context that Answer provides; nothing of how evidence looks.
import { createContext, type RefObject } from 'preact';
import { useContext, useEffect, useRef } from 'preact/hooks';
import type { Passage } from '../../../lib/connection/messages.ts';

export interface Showing {
  /** `at` of this answer's evidence that is highlighted in the page. */
  lit: number | null;
  /** The words that were looked for in the page and are not there. */
  missing: string;
  show: (at: number, passage: Passage) => void;
  preview: (passage: Passage | null) => void;
  /** The title of the tab whose block it is; null for the page beside the panel. */
  sourceOf: (block: number | null) => string | null;
}

const PREVIEW_AFTER_MS = 90; // a pointer that only passes by marks nothing

export const ShowingContext = createContext<Showing>({ lit: null, missing: '', show: () => undefined, preview: () => undefined, sourceOf: () => null });

export interface Shown<E extends HTMLElement> {
  ref: RefObject<E | null>;
  onClick: () => void;
  onPointerEnter: (event: PointerEvent) => void;
  onPointerLeave: () => void;
  onFocus: () => void;
  onBlur: () => void;
  'aria-current': 'true' | undefined;
}

/** The properties of the element that stands for a passage. It comes into sight in the panel when its passage is shown. */
export function useShowing<E extends HTMLElement>(at: number, passage: Passage): Shown<E> {
  const { lit, show, preview } = useContext(ShowingContext);
  const ref = useRef<E>(null);
  const isLit = lit === at;
  useEffect(() => {
    if (isLit) ref.current?.scrollIntoView({ block: 'nearest' });
  }, [isLit]);
  const marks = usePreview(passage, preview);
  return { ref, onClick: () => show(at, passage), ...marks, 'aria-current': isLit ? 'true' : undefined };
}

/** Marks the passage while the pointer rests on the element or the focus is on it. */
function usePreview(passage: Passage, preview: Showing['preview']): Pick<Shown<HTMLElement>, 'onPointerEnter' | 'onPointerLeave' | 'onFocus' | 'onBlur'> {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const begin = (): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => preview(passage), PREVIEW_AFTER_MS);
  };
  const end = (): void => {
    clearTimeout(timer.current);
    preview(null);
  };
  return { onPointerEnter: ({ pointerType }) => void (pointerType === 'mouse' && begin()), onPointerLeave: end, onFocus: begin, onBlur: end };
}
