// Carries what the page's toolbar and menu put into the box to the panel of that tab, and opens one where there is none. Called by background.
// Knows panels as functions and no browser API.
import type { Fill, ToPanel } from './connection/messages.ts';
import type { Tab } from './opening.ts';

const WAITS_MS = 15_000;

type Send = (message: ToPanel) => void;

export class Fills {
  private readonly panels = new Map<Send, { tab: number; isInPage: boolean }>();
  private readonly waiting = new Map<number, { fill: Fill; until: number }>();

  /** `open` opens the sidebar in a tab, or gives it the focus when it is there. */
  constructor(private readonly open: (tab: Tab) => Promise<void>) {}

  attach(panel: Send, tab: number, { isInPage }: { isInPage: boolean }): void {
    this.panels.set(panel, { tab, isInPage });
    const waits = this.waiting.get(tab);
    this.waiting.delete(tab);
    if (waits && waits.until > Date.now()) panel({ kind: 'fill', fill: waits.fill });
  }

  detach(panel: Send): void {
    this.panels.delete(panel);
  }

  /** Must run in the click: opening may need it. */
  put(tab: Tab, fill: Fill): void {
    if (tab.id === undefined) return;
    const here = [...this.panels].filter(([, at]) => at.tab === tab.id);
    for (const [panel] of here) panel({ kind: 'fill', fill });
    if (here.length === 0) this.waiting.set(tab.id, { fill, until: Date.now() + WAITS_MS });
    if (here.length === 0 || here.some(([, { isInPage }]) => isInPage)) void this.open(tab);
  }
}
