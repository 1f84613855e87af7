// Makes room for the sidebar: narrows the page, or says that the page does not follow. Called by the sidebar.
// Works by one adopted style sheet and a mark on fixed elements; `give` takes both back exactly.
import type { Side } from './layout.ts';

/** On elements that are fixed to the window and would lie under the sidebar. */
const MARK = 'data-retinue-room';
const EVERY_PX = 40; // nothing worth reading or pressing is smaller
const EDGE_PX = 6;

export class Room {
  private readonly sheet = new CSSStyleSheet();
  private strip: { side: Side; width_px: number } | null = null;

  constructor(private readonly host: Element) {}

  /** Narrows the page by the sidebar's width. False, and nothing changed, when the page's layout does not follow. */
  take(side: Side, width_px: number): boolean {
    this.narrow(side, width_px);
    if (this.adapt()) return true;
    this.give();
    return false;
  }

  /** As `take` for a page that is known to follow: while the handle is drawn. */
  narrow(side: Side, width_px: number): void {
    this.strip = { side, width_px };
    const most = `calc(100vw - ${width_px}px)`;
    this.write(`:root:root:root { margin-${side}: ${width_px}px !important; width: auto !important; min-width: 0 !important; }
      [${MARK}] { margin-${side}: ${width_px}px !important; max-width: ${most} !important; }`);
  }

  /** Lets the end of the page be scrolled out above the sheet. */
  lift(height_px: number): void {
    this.write(`:root:root:root { margin-bottom: ${height_px}px !important; }`);
  }

  /** Moves what is fixed to the window out from under the sidebar. False when something else of the page stays there. */
  adapt(): boolean {
    if (!this.strip) return true;
    let follows = true;
    for (const element of this.below(this.strip)) {
      const fixed = fixedOf(element);
      if (fixed) fixed.setAttribute(MARK, '');
      else follows = false;
    }
    return follows;
  }

  give(): void {
    this.strip = null;
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== this.sheet);
    for (const marked of document.querySelectorAll(`[${MARK}]`)) marked.removeAttribute(MARK);
  }

  private write(rules: string): void {
    this.sheet.replaceSync(rules);
    if (!document.adoptedStyleSheets.includes(this.sheet)) document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.sheet];
  }

  /** The page's elements that lie topmost under the sidebar, by looking at a grid of points. */
  private below({ side, width_px }: { side: Side; width_px: number }): Set<Element> {
    const found = new Set<Element>();
    const left = side === 'left' ? 0 : document.documentElement.clientWidth - width_px; // without the page's scroll bar
    const { body, documentElement: root } = document;
    for (const y of stepsOver(innerHeight)) {
      for (const x of stepsOver(width_px)) {
        const element = document.elementsFromPoint(left + x, y).find((hit) => hit !== this.host && hit !== body && hit !== root);
        if (element) found.add(element);
      }
    }
    return found;
  }
}

/** Points along a length, its two edges among them: there are the bars. */
function stepsOver(length_px: number): number[] {
  const inner = length_px - 2 * EDGE_PX;
  const count = Math.max(1, Math.ceil(inner / EVERY_PX));
  return Array.from({ length: count + 1 }, (_, i) => EDGE_PX + (i * inner) / count);
}

function fixedOf(element: Element): Element | null {
  for (let outer: Element | null = element; outer; outer = outer.parentElement) {
    if (getComputedStyle(outer).position === 'fixed') return outer;
  }
  return null;
}
