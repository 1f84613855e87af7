// Where in the document a box can show: areas that cut off, areas that scroll, the document itself. Called by walk.
// Pure geometry over client rectangles; knows nothing of text.

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** One element that cuts off or scrolls its content, inside `outer`. */
export interface Clip {
  /** Null for the document. */
  element: Element | null;
  box: Box;
  /** The far edges of what can be scrolled into view, per axis; null where the axis cuts off. */
  scrollX: readonly [number, number] | null;
  scrollY: readonly [number, number] | null;
  outer: Clip | null;
}

/** The clips that an element's children meet: in flow, `position: absolute`, `position: fixed`. */
export interface Clips {
  flow: Clip | null;
  absolute: Clip | null;
  fixed: Clip | null;
}

const SEEN_PX = 2;
const NOWHERE = 1e7;

/** The document's own area: what lies before its origin cannot be scrolled to. */
export function documentClip(document: Document): Clip {
  const view = document.defaultView;
  const root = document.scrollingElement ?? document.documentElement;
  const isRtl = view?.getComputedStyle(root).direction === 'rtl';
  const [x, y] = [view?.scrollX ?? 0, view?.scrollY ?? 0];
  const [width, height] = [root.clientWidth, root.clientHeight];
  const cutsX = cutsAcross(document);
  return {
    element: null,
    box: { left: 0, top: 0, right: width, bottom: height },
    scrollX: cutsX ? null : isRtl ? [-NOWHERE, width - x] : [-x, NOWHERE],
    scrollY: [-y, NOWHERE],
    outer: null,
  };
}

/** `overflow-x: hidden` on the root or the body: nothing beside the window can be reached. Without a layout, never. */
function cutsAcross(document: Document): boolean {
  const view = document.defaultView;
  if (!view || document.documentElement.clientWidth === 0) return false;
  return [document.documentElement, document.body].some((element) => /hidden|clip/.test(view.getComputedStyle(element).overflowX));
}

/** The clip of an element whose `overflow` is not visible. */
export function clipOf(element: Element, style: CSSStyleDeclaration, outer: Clip | null): Clip {
  const rect = element.getBoundingClientRect();
  const isRtl = style.direction === 'rtl';
  const reach = (start: number, scrolled: number, size: number): [number, number] => [start - scrolled, start - scrolled + size];
  const rtl: [number, number] = [rect.right - Math.abs(element.scrollLeft) - element.scrollWidth, rect.right + Math.abs(element.scrollLeft)];
  return {
    element,
    box: rect,
    scrollX: isCut(style.overflowX) ? null : isRtl ? rtl : reach(rect.left, element.scrollLeft, element.scrollWidth),
    scrollY: isCut(style.overflowY) ? null : reach(rect.top, element.scrollTop, element.scrollHeight),
    outer,
  };
}

/** `visible` too: then it is `contain: paint` that cuts. */
function isCut(overflow: string): boolean {
  return overflow !== 'auto' && overflow !== 'scroll';
}

/** True when part of the box shows, at once or after scrolling. */
export function isInReach(box: Box, clip: Clip | null): boolean {
  let rest: Box = box;
  for (let at = clip; at; at = at.outer) {
    const x = along(rest.left, rest.right, at.scrollX, at.box.left, at.box.right);
    const y = along(rest.top, rest.bottom, at.scrollY, at.box.top, at.box.bottom);
    if (!x || !y) return false;
    rest = { left: x[0], right: x[1], top: y[0], bottom: y[1] };
  }
  return true;
}

/** What is left of [start, end) on one axis: cut to the box, or the whole box when it can be scrolled there. */
function along(start: number, end: number, scroll: readonly [number, number] | null, from: number, to: number): [number, number] | null {
  const [low, high] = scroll ?? [from, to];
  const [cutStart, cutEnd] = [Math.max(start, low), Math.min(end, high)];
  if (cutEnd - cutStart < Math.min(SEEN_PX, end - start)) return null;
  if (!scroll) return cutEnd > cutStart ? [cutStart, cutEnd] : null;
  return to - from >= SEEN_PX ? [from, to] : null;
}
