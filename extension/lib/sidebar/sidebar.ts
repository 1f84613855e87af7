// The sidebar in a page: where it stands, how it is pulled, folded and put away. Called by the sidebar's script.
// Knows its own elements and the room it takes; what the panel and the page say to each other is not its business.
import { t } from '../words.ts';
import { makePullable } from './drag.ts';
import { cardOf, HEIGHT_MAX, HEIGHT_MIN, type Layout, layoutOf, movedBy, PAGE_WIDTH_MIN_PX, type Shape, shapeOf, type Stand, WIDTH_MAX_PX, WIDTH_MIN_PX } from './layout.ts';
import { makeParts } from './parts.ts';
import { Room } from './room.ts';
import { keepOnTop, show } from './top.ts';

export interface SidebarEvents {
  /** The person changed the layout for good. */
  keep(layout: Layout): void;
  placed(stand: Stand): void;
}

export class Sidebar {
  readonly frame: HTMLIFrameElement;
  private readonly parts;
  private readonly room: Room;
  private shape: Shape = 'float';
  private folded = false;
  private layout: Layout;
  private before: Layout; // when the pull began

  constructor(source: string, layout: Layout, private readonly events: SidebarEvents, signal: AbortSignal) {
    this.layout = this.before = layoutOf(layout);
    this.parts = makeParts(source);
    this.frame = this.parts.frame;
    this.room = new Room(this.parts.host);
    this.listen(signal);
    show(this.parts.host);
    keepOnTop(this.parts.host, signal);
    this.place();
  }

  get isOpen(): boolean {
    return this.parts.host.isConnected;
  }

  get isFolded(): boolean {
    return this.folded;
  }

  get isSheet(): boolean {
    return this.shape === 'sheet';
  }

  get hasFocus(): boolean {
    return document.activeElement === this.parts.host;
  }

  focus(): void {
    this.unfold();
    this.frame.focus();
  }

  /** To a thin tab at the edge; the page gets its room back. */
  fold(): void {
    const hadFocus = this.hasFocus;
    this.folded = true;
    this.place();
    if (hadFocus) this.parts.edge.focus();
  }

  unfold(): void {
    if (!this.folded) return;
    this.folded = false;
    this.place();
  }

  flip(): void {
    const isRight = this.layout.side === 'right';
    this.keep({ ...this.layout, side: isRight ? 'left' : 'right', x: isRight ? 0 : 1 });
  }

  float(floats: boolean): void {
    this.keep({ ...this.layout, floats });
  }

  /** Where the sidebar hides the page at this moment, in px of the window; null when nothing. */
  covers(): DOMRect | null {
    return this.folded ? null : this.parts.card.getBoundingClientRect();
  }

  /** To the other side, for now: a passage is to be seen, the person's own choice stays. */
  stepAside(): void {
    const { layout } = this;
    const isRight = layout.side === 'right';
    this.layout = { ...layout, side: isRight ? 'left' : 'right', x: isRight ? 0 : 1 };
    this.place();
  }

  private keep(layout: Layout): void {
    this.layout = layoutOf(layout);
    this.place();
    this.events.keep(this.layout);
  }

  private listen(signal: AbortSignal): void {
    const { box, card, handle, grip, edge, host } = this.parts;
    const start = (): void => void (this.before = this.layout);
    const done = (): void => this.keep(this.layout);
    makePullable(handle, card, { start, done, to: (x, y) => this.resize(x, y) });
    makePullable(grip, card, { start, done, to: (x, y) => this.move(x, y) });
    handle.addEventListener('keydown', (event) => this.resizeToEnd(event));
    edge.addEventListener('click', () => this.focus());
    box.addEventListener('keydown', (event) => event.stopPropagation()); // the page's own shortcuts
    addEventListener('resize', () => this.place(), { signal });
    document.addEventListener('scrollend', () => this.room.adapt(), { signal, capture: true, passive: true });
    signal.addEventListener('abort', () => (this.room.give(), host.remove()), { once: true });
  }

  /** Chooses the shape anew and draws it. */
  private place(): void {
    const { layout } = this;
    const wanted = shapeOf(layout, view());
    this.room.give();
    const isBeside = wanted === 'dock' && (this.folded || this.room.take(layout.side, layout.width_px));
    this.shape = wanted === 'dock' && !isBeside ? 'float' : wanted;
    this.draw();
    this.events.placed({ shape: this.shape, floats: layout.floats });
  }

  private draw(): void {
    const { box, card, edge } = this.parts;
    const { layout, shape } = this;
    const height_px = Math.round(layout.height * innerHeight);
    if (shape === 'sheet' && !this.folded) this.room.lift(height_px);
    box.classList.toggle('folded', this.folded);
    edge.className = `edge ${layout.side}`;
    card.className = `card ${shape} ${layout.side}${card.classList.contains('dragging') ? ' dragging' : ''}`;
    const { left, top, width, height } = cardOf(layout, view());
    const px = { dock: { width: layout.width_px }, float: { left, top, width, height }, sheet: { height: height_px } }[shape];
    for (const name of ['left', 'top', 'width', 'height']) {
      const value = (px as Record<string, number>)[name];
      card.style.setProperty(name, value === undefined ? null : `${value}px`);
    }
    this.describeHandle();
  }

  private describeHandle(): void {
    const { handle } = this.parts;
    const isSheet = this.shape === 'sheet';
    const { width_px, height } = this.layout;
    const values = isSheet ? [height * 100, HEIGHT_MIN * 100, HEIGHT_MAX * 100] : [width_px, WIDTH_MIN_PX, WIDTH_MAX_PX];
    handle.setAttribute('aria-label', t(isSheet ? 'resizeHeight' : 'resizeWidth'));
    handle.setAttribute('aria-orientation', isSheet ? 'horizontal' : 'vertical');
    ['aria-valuenow', 'aria-valuemin', 'aria-valuemax'].forEach((name, i) => handle.setAttribute(name, String(Math.round(values[i] ?? 0))));
  }

  private resize(x: number, y: number): void {
    const { before, shape } = this;
    const width_px = before.width_px + (before.side === 'right' ? -x : x);
    const most = shape === 'dock' ? view().width - PAGE_WIDTH_MIN_PX : WIDTH_MAX_PX;
    const size = shape === 'sheet' ? { height: before.height - y / innerHeight } : { width_px: Math.min(width_px, most) };
    this.layout = layoutOf({ ...before, ...size });
    if (shape === 'dock') this.room.narrow(before.side, this.layout.width_px);
    this.draw();
  }

  private resizeToEnd(event: KeyboardEvent): void {
    if (event.key !== 'Home' && event.key !== 'End') return;
    event.preventDefault();
    const isLeast = event.key === 'Home';
    const size = this.shape === 'sheet' ? { height: isLeast ? HEIGHT_MIN : HEIGHT_MAX } : { width_px: isLeast ? WIDTH_MIN_PX : WIDTH_MAX_PX };
    this.keep({ ...this.layout, ...size });
  }

  private move(x: number, y: number): void {
    if (this.shape !== 'float') return;
    this.layout = movedBy(this.before, { x, y }, view());
    this.draw();
  }
}

function view(): { width: number; height: number } {
  return { width: document.documentElement.clientWidth || innerWidth, height: innerHeight };
}
