// The page as numbered blocks, each remembering which live text nodes its characters came from. Called by page and highlight.
// Knows the document only: no sidebar, no socket.
import { articleElements } from './article.ts';
import { isHidden, isInvisibleText } from './visible.ts';

/** text.slice(at, at + length) came from node.data.slice(from, from + length), white space aside. */
export interface Piece {
  node: Text;
  from: number;
  at: number;
  length: number;
}

export interface Block {
  element: Element;
  text: string;
  pieces: Piece[];
}

const BLOCKS = new Set(
  ('ADDRESS ARTICLE ASIDE BLOCKQUOTE BODY CAPTION DD DETAILS DIALOG DIV DL DT FIELDSET FIGCAPTION FIGURE FOOTER FORM H1 H2 H3 H4 H5 H6 ' +
    'HEADER HR LEGEND LI MAIN NAV OL P PRE SECTION SUMMARY TABLE TBODY TD TFOOT TH THEAD TR UL').split(' '),
);
const FURNITURE = 'nav, footer, header nav, [role=navigation], [role=banner], [role=contentinfo], [role=search], dialog, [role=dialog], [role=alertdialog], button, [role=button]';
const ROW_CHARS_MAX = 800;
const CELLS = 'td, th';

/** Every visible block of the document in reading order; the article where there is one, else all but the page's furniture. */
export function readBlocks(document: Document): Block[] {
  const all = visibleBlocks(document.body);
  const fallback = all.filter((block) => !isFurniture(block.element));
  const article = articleElements(document);
  if (!article) return fallback;
  const isKept = (block: Block): boolean => block.pieces.some((piece) => article.has(piece.node.parentElement as Element));
  const kept = fallback.map(isKept);
  const [first, last] = [kept.indexOf(true), kept.lastIndexOf(true)];
  const chosen = fallback.filter((block, i) => kept[i] || isPartOfArticle(block.element, i > first && i < last));
  return charsOf(chosen) >= 0.3 * charsOf(fallback) ? chosen : fallback;
}

function isFurniture(element: Element): boolean {
  return element.closest(FURNITURE) !== null && !/^H\d$/.test(element.tagName);
}

/** The main heading, and table rows, definitions and items inside the article: Readability likes to drop them. */
function isPartOfArticle(element: Element, isInside: boolean): boolean {
  if (element.tagName === 'H1') return true;
  return isInside && ['TR', 'DT', 'LI', 'H2', 'H3'].includes(element.tagName) && !element.closest('aside');
}

export function visibleBlocks(root: Element): Block[] {
  const blocks: Block[] = [];
  let current: { owner: Element; block: Block; cell: Element | null } | null = null;
  for (const node of visibleTexts(root)) {
    if (node.data.trim() === '' && current?.owner !== ownerOf(node)) continue;
    const owner = ownerOf(node);
    if (!current || current.owner !== owner) {
      current = { owner, block: { element: owner, text: '', pieces: [] }, cell: cellOf(node, owner) };
      blocks.push(current.block);
    }
    const cell = cellOf(node, owner);
    if (node.data.trim() !== '' && cell !== current.cell) {
      separate(current.block, current.cell?.tagName === 'DT' ? ': ' : '; ');
      current.cell = cell;
    }
    append(current.block, node, owner.tagName === 'PRE');
  }
  return blocks.map(trimmed).filter((block) => block.text !== '');
}

/** Text nodes that a person can see, in order; `<br>` gives an empty stop so that words do not run together. */
function* visibleTexts(parent: Element | ShadowRoot): Generator<Text> {
  for (const node of parent.childNodes) {
    if (node.nodeType === Node.TEXT_NODE) {
      if (!isInvisibleText(node.parentElement ?? (parent as ShadowRoot).host)) yield node as Text;
    } else if (node.nodeType === Node.ELEMENT_NODE && !isHidden(node as Element)) {
      const { shadowRoot } = node as Element;
      if (shadowRoot) yield* visibleTexts(shadowRoot);
      yield* visibleTexts(node as Element);
    }
  }
}

/** The element whose block a text belongs to: a short table row, a definition's term, else the nearest block. */
function ownerOf(node: Text): Element {
  let element: Element | null = node.parentElement;
  while (element && !BLOCKS.has(element.tagName)) element = element.parentElement;
  if (!element) return node.parentElement ?? node.ownerDocument.body;
  const row = element.closest('tr');
  if (row && isDataRow(row)) return row;
  const definition = element.closest('dd');
  return (definition && termOf(definition)) ?? element.closest('pre, li > p:only-child') ?? element;
}

function isDataRow(row: Element): boolean {
  return (row.textContent ?? '').length <= ROW_CHARS_MAX && !row.querySelector('table, h1, h2, h3, li, pre');
}

function termOf(definition: Element): Element | null {
  let sibling = definition.previousElementSibling;
  while (sibling?.tagName === 'DD') sibling = sibling.previousElementSibling;
  return sibling?.tagName === 'DT' && (definition.textContent ?? '').length <= ROW_CHARS_MAX && !definition.querySelector('p + p, li') ? sibling : null;
}

function cellOf(node: Text, owner: Element): Element | null {
  if (owner.tagName === 'TR') return node.parentElement?.closest(CELLS) ?? null;
  return owner.tagName === 'DT' ? (node.parentElement?.closest('dt, dd') ?? null) : null;
}

/** Copies a text node's characters, white space folded to one space (kept in `pre`), and notes where they came from. */
function append(block: Block, node: Text, verbatim: boolean): void {
  if (block.text !== '' && !verbatim && startsNewLine(block, node)) separate(block, ' ');
  for (const match of node.data.matchAll(verbatim ? /[^]+/g : /\s+|\S+/g)) {
    const word = match[0];
    if (!verbatim && /^\s/.test(word)) {
      if (block.text === '' || /\s$/.test(block.text)) continue;
      block.text += ' ';
      continue;
    }
    block.pieces.push({ node, from: match.index, at: block.text.length, length: word.length });
    block.text += word;
  }
}

/** A `<br>` or an inline block between two texts ends a word. */
function startsNewLine(block: Block, node: Text): boolean {
  const last = block.pieces.at(-1)?.node;
  if (!last || last === node) return false;
  const previous = (node.previousSibling as Element | null) ?? null;
  return previous?.tagName === 'BR' || last.nextSibling?.nodeName === 'BR';
}

function separate(block: Block, mark: string): void {
  block.text = block.text.trimEnd();
  if (block.text !== '') block.text += mark;
}

function trimmed(block: Block): Block {
  return { ...block, text: block.text.trimEnd() };
}

function charsOf(blocks: Block[]): number {
  return blocks.reduce((sum, block) => sum + block.text.length, 0);
}
