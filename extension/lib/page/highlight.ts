// From a passage to a Range in the live page, and painting it. Called by page.
// Paints with the CSS Custom Highlight API: the page's DOM is never changed.
import type { Block } from './blocks.ts';
import { findFolded, fold } from './fold.ts';
import type { Passage } from '../connection/messages.ts';

const NAME = 'retinue-quote';
const PULSE = 'retinue-pulse';
const STYLE = `::highlight(${NAME}) { background-color: #ffe08a; color: #1b1a17; }
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
  const range = block.element.ownerDocument.createRange();
  range.setStart(first.node, first.from + Math.max(0, start - first.at));
  range.setEnd(last.node, last.from + Math.min(last.length, end - last.at));
  return range;
}

function isUnchanged(block: Block, piece: Block['pieces'][number]): boolean {
  return piece.node.data.slice(piece.from, piece.from + piece.length) === block.text.slice(piece.at, piece.at + piece.length);
}

/** Paints one passage, scrolls to it and lets it flash once. `signal` takes everything away again. */
export function paint(range: Range, signal: AbortSignal): void {
  clear();
  addStyle(signal);
  CSS.highlights.set(NAME, new Highlight(range));
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  scrollTo(range, calm);
  signal.addEventListener('abort', clear, { once: true });
  if (calm) return;
  CSS.highlights.set(PULSE, new Highlight(range));
  setTimeout(() => CSS.highlights.delete(PULSE), PULSE_MS);
}

export function clear(): void {
  CSS.highlights.delete(NAME);
  CSS.highlights.delete(PULSE);
}

function scrollTo(range: Range, calm: boolean): void {
  const start = range.startContainer;
  const element = start.nodeType === Node.ELEMENT_NODE ? (start as Element) : start.parentElement;
  element?.closest('details')?.setAttribute('open', '');
  element?.scrollIntoView({ block: 'center', behavior: calm ? 'auto' : 'smooth' });
}

let sheet: CSSStyleSheet | null = null;

function addStyle(signal: AbortSignal): void {
  if (sheet && document.adoptedStyleSheets.includes(sheet)) return;
  const added = new CSSStyleSheet();
  added.replaceSync(STYLE);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, added];
  sheet = added;
  const remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== added);
  };
  signal.addEventListener('abort', remove, { once: true });
}
