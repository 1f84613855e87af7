// Where a person wants the sidebar, and the shape that this gives in a window. Called by the sidebar and by background.
// Pure: what comes from storage or from a page script is checked here.

export type Side = 'left' | 'right';
/** Beside the page, which makes room; a card over the page; or, in a narrow window, a sheet at its foot. */
export type Shape = 'dock' | 'float' | 'sheet';

/** How the sidebar stands at this moment; `floats` when that is the person's choice. */
export interface Stand {
  shape: Shape;
  floats: boolean;
}

/** Remembered for the profile. */
export interface Layout {
  width_px: number;
  side: Side;
  floats: boolean;
  /** Of the sheet: its share of the window's height. */
  height: number;
  /** Of the card: where it stands in the room that it leaves free, 0 to 1 from the left and from the top. */
  x: number;
  y: number;
}

export interface Extent {
  width: number;
  height: number;
}

export const WIDTH_MIN_PX = 320;
export const WIDTH_MAX_PX = 720;
export const HEIGHT_MIN = 0.3;
export const HEIGHT_MAX = 0.9;
export const CARD_MARGIN_PX = 16;
const CARD_HEIGHT_MAX_PX = 760;
const NARROW_PX = 720;
/** A page that is squeezed below this reads worse than one with a card over it. */
export const PAGE_WIDTH_MIN_PX = 480;

const START: Layout = { width_px: 400, side: 'right', floats: false, height: 0.6, x: 1, y: 0.5 };

/** A layout from anywhere: numbers in their bounds, and the first layout's value for what is none. */
export function layoutOf(given: unknown): Layout {
  const { width_px, side, floats, height, x, y } = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>;
  return {
    width_px: Math.round(bounded(width_px, WIDTH_MIN_PX, WIDTH_MAX_PX, START.width_px)),
    side: side === 'left' ? 'left' : 'right',
    floats: floats === true,
    height: bounded(height, HEIGHT_MIN, HEIGHT_MAX, START.height),
    x: bounded(x, 0, 1, START.x),
    y: bounded(y, 0, 1, START.y),
  };
}

export function shapeOf({ width_px, floats }: Layout, view: Extent): Shape {
  if (view.width < NARROW_PX) return 'sheet';
  return floats || view.width - width_px < PAGE_WIDTH_MIN_PX ? 'float' : 'dock';
}

/** The card's place and size in px. */
export function cardOf({ width_px, x, y }: Layout, view: Extent): { left: number; top: number; width: number; height: number } {
  const width = Math.min(width_px, view.width - 2 * CARD_MARGIN_PX);
  const height = Math.min(CARD_HEIGHT_MAX_PX, view.height - 2 * CARD_MARGIN_PX);
  const free = freeRoom({ width, height }, view);
  return { left: CARD_MARGIN_PX + x * free.width, top: CARD_MARGIN_PX + y * free.height, width, height };
}

/** The layout of a card that was moved by so many px. A card left of the middle counts as on the left. */
export function movedBy(layout: Layout, by: { x: number; y: number }, view: Extent): Layout {
  const free = freeRoom(cardOf(layout, view), view);
  const x = bounded(layout.x + (free.width > 0 ? by.x / free.width : 0), 0, 1, 0);
  const y = bounded(layout.y + (free.height > 0 ? by.y / free.height : 0), 0, 1, 0);
  return { ...layout, x, y, side: x < 0.5 ? 'left' : 'right' };
}

function freeRoom(card: Extent, view: Extent): Extent {
  return { width: Math.max(0, view.width - 2 * CARD_MARGIN_PX - card.width), height: Math.max(0, view.height - 2 * CARD_MARGIN_PX - card.height) };
}

function bounded(value: unknown, least: number, most: number, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : otherwise;
}
