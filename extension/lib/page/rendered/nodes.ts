// The tree as it is rendered: shadow roots, slots, frames, the order of flex and grid items. Called by walk and article.
// Knows nodes only, not whether anybody sees them.
import type { Style } from '../seen/style.ts';

const NEVER_TEXT = new Set([
  'SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'TEXTAREA', 'SELECT', 'DATALIST', 'OBJECT', 'AUDIO', 'INPUT', 'METER', 'PROGRESS', 'HEAD', 'TITLE',
  'RETINUE-SIDEBAR', 'RP',
]);
const NEVER_TEXT_SVG = new Set(['title', 'desc', 'defs', 'symbol', 'metadata', 'style', 'script', 'clipPath', 'mask', 'pattern']);
const PICTURES = new Set(['IMG', 'VIDEO', 'CANVAS', 'EMBED', 'PICTURE']);
const FRAME_PX_MIN = 40;
/** More items than this are taken in the order of the source. */
const SORTED_MAX = 500;

export function isNeverText(element: Element): boolean {
  return NEVER_TEXT.has(element.tagName) || (element.namespaceURI === 'http://www.w3.org/2000/svg' && NEVER_TEXT_SVG.has(element.tagName));
}

export function isPicture(element: Element): boolean {
  return PICTURES.has(element.tagName);
}

/** A frame that has a size. */
export function isFrame(element: Element): boolean {
  if (element.tagName !== 'IFRAME') return false;
  const { width, height } = element.getBoundingClientRect();
  return width >= FRAME_PX_MIN && height >= FRAME_PX_MIN;
}

/** The document of such a frame, when this page may look into it. */
export function innerDocument(element: Element): Document | null {
  if (!isFrame(element)) return null;
  const inner = (element as HTMLIFrameElement).contentDocument;
  return inner?.body ? inner : null;
}

/** The parent in the rendered tree. */
export function parentOf(node: Node): Element | null {
  const slot = (node as Element | Text).assignedSlot;
  const parent = slot ?? node.parentNode;
  if (parent?.nodeType === Node.DOCUMENT_FRAGMENT_NODE) return (parent as ShadowRoot).host ?? null;
  return parent?.nodeType === Node.ELEMENT_NODE ? (parent as Element) : null;
}

/** The children in the rendered tree, in the order in which flex and grid boxes show them. */
export function childrenOf(element: Element, style?: Style): Iterable<Node> {
  const nodes = renderedChildren(element);
  if (!style || !/flex|grid/.test(style.display) || element.childElementCount < 2) return nodes;
  const items = [...nodes];
  if (items.length > SORTED_MAX) return items;
  const orderOf = (node: Node): number => (node.nodeType === Node.ELEMENT_NODE ? Number(getComputedStyle(node as Element).order) || 0 : 0);
  const orders = new Map(items.map((node) => [node, orderOf(node)]));
  const sorted = items.toSorted((one, other) => (orders.get(one) ?? 0) - (orders.get(other) ?? 0));
  return style.raw.flexDirection.endsWith('reverse') ? sorted.toReversed() : sorted;
}

function renderedChildren(element: Element): Iterable<Node> {
  const shadow = shadowOf(element);
  if (shadow) return siblings(shadow.firstChild);
  if (element.tagName !== 'SLOT') return element.tagName === 'IFRAME' ? [] : siblings(element.firstChild);
  const assigned = (element as HTMLSlotElement).assignedNodes();
  return assigned.length > 0 ? assigned : siblings(element.firstChild);
}

function* siblings(first: Node | null): Generator<Node> {
  for (let node = first; node; node = node.nextSibling) yield node;
}

/** Closed roots too, where the browser lets an extension look. */
export function shadowOf(element: Element): ShadowRoot | null {
  if (element.shadowRoot || !element.tagName.includes('-')) return element.shadowRoot;
  const { dom } = (globalThis as { chrome?: { dom?: { openOrClosedShadowRoot: (host: Element) => ShadowRoot | null } } }).chrome ?? {};
  return dom?.openOrClosedShadowRoot(element) ?? null;
}
