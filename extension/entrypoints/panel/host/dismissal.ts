// What closes a small layer of the panel: Escape, a click elsewhere, the focus leaving it. Used by Menu and Shortcuts.
import { useEffect } from 'preact/hooks';

/** Escape gives the focus back to the button with the id `opener`, and goes no further. */
export function useDismissal(layer: { current: HTMLElement | null }, opener: string, onDone: () => void): void {
  useEffect(() => {
    const aborter = new AbortController();
    const { signal } = aborter;
    // A layer that was put away a moment ago hears nothing more: what took its place takes the focus.
    const isOutside = (target: EventTarget | null): boolean => layer.current !== null && target instanceof Element && !layer.current.contains(target) && target.closest(`#${opener}`) === null;
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.isComposing || !layer.current) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      onDone();
      document.getElementById(opener)?.focus();
    };
    addEventListener('keydown', onKey, { signal, capture: true });
    addEventListener('pointerdown', (event) => isOutside(event.target) && onDone(), { signal, capture: true });
    addEventListener('focusin', (event) => isOutside(event.target) && onDone(), { signal });
    return () => aborter.abort();
  }, [layer, opener, onDone]);
}
