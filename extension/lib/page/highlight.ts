// From a passage to a Range in the live page, and painting it. Called by page.
// Paints with the CSS Custom Highlight API: the page's DOM is never changed.
import type { Block } from './block.ts';
import { findFolded, fold } from './fold.ts';
import { reveal, scrollTo } from './scroll.ts';
import type { Passage } from '../connection/messages.ts';

const NAME = 'retinue-quote';
const PULSE = 'retinue-pulse';
const PREVIEW = 'retinue-preview';
const STYLE = `::highlight(${PREVIEW}) { background-color: #fff3cd; color: #1b1a17; }
::highlight(${NAME}) { background-color: #ffe08a; color: #1b1a17; }
::highlight(${PULSE}) { background-color: #f5b301; color: #1b1a17; }`;
const PULSE_MS = 700;

/** The live Range of a passage: by its offsets when they still hold its words, else by its words; null when it is gone. */
export function rangeOf(blocks: Block[], passage: Passage): Range | null {
  const block = passage.block === null ? undefined : blocks[passage.block - 1];
  if (block && passage.text === '') return rangeIn(block, 0, block.text.length);
  if (block && passage.start !== null && passage.end !== null) {
    const words = block.text.slice(passage.start, passage.end);
    const range = fold(words).text === fold(passage.text).text ? rangeIn(block, passage.start, passage.end) : null;
    if (range) return range;
  }
  for (const candidate of block ? [block, ...blocks] : blocks) {
    const found = findFolded(candidate.text, passage.text);
    const range = found && rangeIn(candidate, ...found);
    if (range) return range;
  }
  return null;
}

/** [start, end) of the block's text as a Range; null when its nodes have left the page or changed. */
export function rangeIn(block: Block, start: number, end: number): Range | null {
  const inside = block.pieces.filter((piece) => piece.at < end && piece.at + piece.length > start);
  const [first, last] = [inside[0], inside.at(-1)];
  if (!first || !last || !first.node.isConnected || !last.node.isConnected) return null;
  if (!isUnchanged(block, first) || !isUnchanged(block, last)) return null;
  const range = first.node.ownerDocument.createRange();
  range.setStart(first.node, first.from + Math.max(0, start - first.at));
  range.setEnd(last.node, last.from + Math.min(last.length, end - last.at));
  return range;
}

function isUnchanged(block: Block, piece: Block['pieces'][number]): boolean {
  return piece.node.data.slice(piece.from, piece.from + piece.length) === block.text.slice(piece.at, piece.at + piece.length);
}

/** Paints one passage, opens and scrolls to it and lets it flash once. `signal` takes everything away again. */
export async function paint(range: Range, signal: AbortSignal): Promise<void> {
  clear();
  const view = viewOf(range);
  addStyle(view, signal);
  view.CSS.highlights.set(NAME, new view.Highlight(range));
  signal.addEventListener('abort', () => clear(view), { once: true });
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  await reveal(range);
  if (signal.aborted) return;
  scrollTo(range, isCalm);
  if (isCalm) return;
  view.CSS.highlights.set(PULSE, new view.Highlight(range));
  setTimeout(() => view.CSS.highlights.delete(PULSE), PULSE_MS);
}

/** Marks a passage lightly where it stands, without scrolling to it. The passage that is shown keeps its colour. */
export function paintPreview(range: Range, signal: AbortSignal): void {
  clearPreview();
  const view = viewOf(range);
  addStyle(view, signal);
  const preview = new view.Highlight(range);
  preview.priority = -1;
  view.CSS.highlights.set(PREVIEW, preview);
  previewed = view;
}

let previewed: View | null = null;

export function clear(view: View = window): void {
  view.CSS.highlights.delete(NAME);
  view.CSS.highlights.delete(PULSE);
  clearPreview();
}

export function clearPreview(): void {
  previewed?.CSS.highlights.delete(PREVIEW);
  previewed = null;
}

type View = Window & typeof globalThis;

/** The window of the passage: a frame's own for a passage in a frame. */
function viewOf(range: Range): View {
  return range.startContainer.ownerDocument?.defaultView ?? window;
}

const styled = new WeakMap<Document, CSSStyleSheet>();

function addStyle(view: View, signal: AbortSignal): void {
  const { document } = view;
  const sheet = styled.get(document);
  if (sheet && document.adoptedStyleSheets.includes(sheet)) return;
  const added = new view.CSSStyleSheet();
  added.replaceSync(STYLE);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, added];
  styled.set(document, added);
  const remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== added);
    clearPreview();
  };
  signal.addEventListener('abort', remove, { once: true });
}
