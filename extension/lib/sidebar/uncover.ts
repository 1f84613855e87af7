// A passage that is to be shown must not lie under the sidebar. Called by the sidebar's script after the page was told to scroll to it.
import type { Sidebar } from './sidebar.ts';

const SCROLLED_WITHIN_MS = 4_000;
const LOOK_MS = 100;
const STILL_LOOKS = 3;

/** Waits until the page has scrolled; then scrolls it out above a sheet, else moves the sidebar aside, else folds it to the edge. */
export async function uncover(range: Range, sidebar: Sidebar, signal: AbortSignal): Promise<void> {
  await scrolled(range, signal);
  if (signal.aborted || !isCovered(range, sidebar)) return;
  if (sidebar.isSheet) scrollAbove(range, sidebar);
  else sidebar.stepAside();
  if (!isCovered(range, sidebar)) return;
  if (!sidebar.isSheet) sidebar.stepAside(); // back
  sidebar.fold();
}

/** To the middle of what the sheet leaves free. */
function scrollAbove(range: Range, sidebar: Sidebar): void {
  const [first, sheet] = [textOf(range)[0], sidebar.covers()];
  if (first && sheet) scrollBy({ top: (first.top + first.bottom - sheet.top) / 2, behavior: 'instant' });
}

function isCovered(range: Range, sidebar: Sidebar): boolean {
  const card = sidebar.covers();
  return card !== null && textOf(range).some((text) => text.left < card.right && text.right > card.left && text.top < card.bottom && text.bottom > card.top);
}

/** The lines of the passage in this window, also of one in a frame. */
function textOf(range: Range): DOMRect[] {
  let [x, y] = [0, 0];
  let view = range.startContainer.ownerDocument?.defaultView ?? null;
  while (view?.frameElement) {
    const frame = view.frameElement.getBoundingClientRect();
    [x, y] = [x + frame.left, y + frame.top];
    view = view.frameElement.ownerDocument.defaultView;
  }
  const lines = [...range.getClientRects()].filter((line) => line.width > 0);
  return lines.map((line) => new DOMRect(line.x + x, line.y + y, line.width, line.height));
}

/** A smooth scroll can take longer than any guess, and the end of an earlier one can come first: the passage has to stand still. */
async function scrolled(range: Range, signal: AbortSignal): Promise<void> {
  let [top, still] = [Number.NaN, 0];
  for (let waited = 0; waited < SCROLLED_WITHIN_MS && still < STILL_LOOKS && !signal.aborted; waited += LOOK_MS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const now = textOf(range)[0]?.top ?? 0;
    still = now === top ? still + 1 : 0;
    top = now;
  }
}
