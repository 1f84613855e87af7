// Which block a text belongs to: by how its ancestors are laid out, with rows, definitions and code kept in one. Called by walk and blocks.
// Knows elements and display values; no text nodes.
import type { Style } from '../seen/style.ts';

export interface Place {
  /** The element whose block the text joins. */
  owner: Element;
  /** The cell of a row, or the term or definition, in which it stands. */
  cell: Element | null;
  /** The innermost box of its own: another one begins a new line. */
  line: Element;
  /** True where everything further in joins the owner. */
  isJoined: boolean;
  isPre: boolean;
}

const ROW_CHARS_MAX = 800;
const SIDE_BY_SIDE_CHARS_MAX = 200;
const CELLS = 'td, th, [role="cell"], [role="gridcell"], [role="columnheader"], [role="rowheader"]';
const PARTS = 'h1, h2, h3, h4, h5, h6, p, li, table, pre, dl, blockquote, article, section, nav, form, iframe';

export function isBlock(style: Style): boolean {
  const { display } = style;
  return !/^(inline|ruby|contents|math|$)/.test(display);
}

/** The place of texts directly in a block-level element that stands at `place`. */
export function inside(place: Place, element: Element, style: Style): Place {
  if (place.isJoined) return { ...place, line: element, cell: isCellOf(element, place.owner) ? element : place.cell };
  if (place.isPre) return { ...place, line: element };
  const own: Place = { owner: element, cell: null, line: element, isJoined: false, isPre: element.tagName === 'PRE' };
  if (element.tagName === 'DT') return { ...own, cell: element, isJoined: true };
  const term = element.tagName === 'DD' ? termOf(element) : null;
  if (term) return { ...own, owner: term, cell: element, isJoined: true };
  return { ...own, isJoined: isRow(element) || isSideBySide(element, style) };
}

function isCellOf(element: Element, owner: Element): boolean {
  if (owner.tagName === 'TR' || owner.getAttribute('role') === 'row') return element.matches(CELLS);
  return element.parentElement === owner && owner.tagName !== 'DT';
}

function isRow(element: Element): boolean {
  if (element.tagName !== 'TR' && element.getAttribute('role') !== 'row') return false;
  return (element.textContent ?? '').length <= ROW_CHARS_MAX && !element.querySelector('table, h1, h2, h3, li, pre');
}

/** Short boxes beside each other read as one row: a name, a number, a unit. */
function isSideBySide(element: Element, style: Style): boolean {
  const { display } = style;
  const isAcross = (display === 'flex' && style.raw.flexDirection.startsWith('row')) || display === 'grid';
  if (!isAcross || element.childElementCount < 2 || element.childElementCount > 60) return false;
  return (element.textContent ?? '').length <= SIDE_BY_SIDE_CHARS_MAX * 4 && !element.querySelector(PARTS) && areShort(element);
}

function areShort(element: Element): boolean {
  return [...element.children].every((child) => (child.textContent ?? '').length <= SIDE_BY_SIDE_CHARS_MAX / 2);
}

function termOf(definition: Element): Element | null {
  let sibling = definition.previousElementSibling;
  while (sibling?.tagName === 'DD') sibling = sibling.previousElementSibling;
  return sibling?.tagName === 'DT' && (definition.textContent ?? '').length <= ROW_CHARS_MAX && !definition.querySelector('p + p, li') ? sibling : null;
}
