// Brings a passage into view: opens what is closed around it, scrolls every box that holds it. Called by highlight.
// Changes scroll positions and closed parts only.
import { openAround } from './seen/collapsed.ts';

/** Farther than this a smooth scroll would take seconds. */
const FAR_WINDOWS = 4;

/** Opens closed parts; resolves when the page has laid them out. */
export async function reveal(range: Range): Promise<void> {
  if (!openAround(range.startContainer)) return;
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}

/** Puts the passage, not its element, into the middle of the window. */
export function scrollTo(range: Range, isCalm: boolean): void {
  const view = range.startContainer.ownerDocument?.defaultView;
  if (!view) return;
  for (let box = parentOf(range.startContainer); box; box = parentOf(box)) {
    if (box === box.ownerDocument.scrollingElement || !isScrollable(box)) continue;
    const [passage, frame] = [firstLine(range), box.getBoundingClientRect()];
    if (passage.top < frame.top || passage.bottom > frame.bottom) box.scrollTop += middle(passage.top, passage.bottom) - middle(frame.top, frame.bottom);
    if (passage.left < frame.left || passage.right > frame.right) box.scrollLeft += passage.left - frame.left - frame.width / 4;
  }
  scrollWindows(view, firstLine(range), isCalm);
}

/** The passage's window, and those of the frames around it. */
function scrollWindows(view: Window, passage: DOMRect, isCalm: boolean): void {
  const { scrollX, scrollY, innerHeight, innerWidth } = view;
  const top = Math.max(0, scrollY + middle(passage.top, passage.bottom) - innerHeight / 2);
  const left = passage.left < 0 || passage.right > innerWidth ? Math.max(0, scrollX + passage.left - innerWidth / 4) : scrollX;
  const frame = view.frameElement;
  const isFar = Math.abs(top - scrollY) > FAR_WINDOWS * innerHeight;
  view.scrollTo({ top, left, behavior: isCalm || isFar || frame ? 'auto' : 'smooth' });
  const outer = frame?.ownerDocument.defaultView;
  if (!frame || !outer) return;
  const [box, moved] = [frame.getBoundingClientRect(), view.scrollY - scrollY];
  scrollWindows(outer, new DOMRect(box.left + passage.left, box.top + passage.top - moved, passage.width, passage.height), isCalm);
}

function isScrollable(element: Element): boolean {
  if (element.scrollHeight <= element.clientHeight && element.scrollWidth <= element.clientWidth) return false;
  const { overflowX, overflowY } = getComputedStyle(element);
  return /auto|scroll|hidden/.test(overflowX + overflowY);
}

function firstLine(range: Range): DOMRect {
  return [...range.getClientRects()].find((rect) => rect.width > 0) ?? range.getBoundingClientRect();
}

function parentOf(node: Node): Element | null {
  return node.parentElement ?? (node.parentNode as ShadowRoot | null)?.host ?? null;
}

function middle(start: number, end: number): number {
  return (start + end) / 2;
}
