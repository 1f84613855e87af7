// @vitest-environment node
// Where the sidebar stands: what is taken from storage, which shape a window gives, how a card moves.
import { expect, test } from 'vitest';
import { cardOf, CARD_MARGIN_PX, layoutOf, movedBy, PAGE_WIDTH_MIN_PX, shapeOf, WIDTH_MAX_PX, WIDTH_MIN_PX } from '../../lib/sidebar/layout.ts';

const VIEW = { width: 1280, height: 800 };
const START = layoutOf(undefined);

test.each([
  [WIDTH_MIN_PX - 1, WIDTH_MIN_PX],
  [WIDTH_MIN_PX, WIDTH_MIN_PX],
  [WIDTH_MIN_PX + 1, WIDTH_MIN_PX + 1],
  [WIDTH_MAX_PX - 1, WIDTH_MAX_PX - 1],
  [WIDTH_MAX_PX, WIDTH_MAX_PX],
  [WIDTH_MAX_PX + 1, WIDTH_MAX_PX],
  [Number.NaN, START.width_px],
  ['400px', START.width_px],
])('a width of %s is kept as %s', (given, kept) => {
  expect(layoutOf({ width_px: given }).width_px).toBe(kept);
});

test.each([null, 'left', 7, [], { side: 'middle', floats: 1, height: -3, x: 9, y: null }])('what is no layout becomes one: %j', (given) => {
  const { side, floats, height, x, y } = layoutOf(given);
  expect([side, floats]).toEqual(['right', false]);
  for (const share of [height, x, y]) expect(share).toBeGreaterThanOrEqual(0);
  for (const share of [height, x, y]) expect(share).toBeLessThanOrEqual(1);
});

test.each([
  [719, false, 'sheet'],
  [720, false, 'float'],
  [START.width_px + PAGE_WIDTH_MIN_PX - 1, false, 'float'],
  [START.width_px + PAGE_WIDTH_MIN_PX, false, 'dock'],
  [1280, false, 'dock'],
  [1280, true, 'float'],
  [719, true, 'sheet'],
])('in a window of %s px, floating by choice %s, it is a %s', (width, floats, shape) => {
  expect(shapeOf({ ...START, floats }, { width, height: 800 })).toBe(shape);
});

test('a card follows the pointer, stays in the window, and changes sides at the middle', () => {
  const { left, top } = cardOf(START, VIEW);
  const moved = movedBy(START, { x: -100, y: 3 }, VIEW);
  expect(cardOf(moved, VIEW)).toMatchObject({ left: left - 100, top: top + 3 });
  expect(moved.side).toBe('right');
  const corner = movedBy(moved, { x: -5_000, y: -5_000 }, VIEW);
  expect(cardOf(corner, VIEW)).toMatchObject({ left: CARD_MARGIN_PX, top: CARD_MARGIN_PX });
  expect(corner.side).toBe('left');
});

test('a card fits a window that is smaller than it, and does not move there', () => {
  const view = { width: 300, height: 200 };
  const card = cardOf(START, view);
  expect(card.left + card.width).toBeLessThanOrEqual(view.width);
  expect(card.top + card.height).toBeLessThanOrEqual(view.height);
  expect(cardOf(movedBy(START, { x: 50, y: 50 }, view), view)).toMatchObject({ left: card.left, top: card.top });
});
