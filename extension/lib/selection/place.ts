// Whether a selection is worth a toolbar, and where that stands. Pure: called by toolbar, tested without a browser.

const WORDS_MIN = 3;
const GAP = 8;

export type Box = Pick<DOMRect, 'left' | 'top' | 'right' | 'bottom'>;

/** At least three words, in scripts without spaces, too. */
export function isWorthAsking(text: string): boolean {
  let words = 0;
  for (const { isWordLike } of new Intl.Segmenter(undefined, { granularity: 'word' }).segment(text)) {
    if (isWordLike) words += 1;
    if (words === WORDS_MIN) return true;
  }
  return false;
}

/** Below the selection, else above it, never over it: null when neither has room. `view` is what can be seen. */
export function placeOf(selection: Box[], size: { width: number; height: number }, view: { width: number; height: number }): { left: number; top: number } | null {
  const seen = selection.filter((box) => box.right > box.left && box.bottom > 0 && box.top < view.height);
  if (seen.length === 0) return null;
  const [top, bottom] = [Math.min(...seen.map((box) => box.top)), Math.max(...seen.map((box) => box.bottom))];
  const left = Math.max(GAP, Math.min(Math.min(...seen.map((box) => box.left)), view.width - size.width - GAP));
  if (bottom + GAP + size.height <= view.height) return { left, top: bottom + GAP };
  if (top - GAP - size.height >= 0) return { left, top: top - GAP - size.height };
  return null;
}
