// What can be judged without a browser: colours, contrast, clips. The ways of hiding are tested in a real one (tests/cases).
import { expect, test } from 'vitest';
import { type Clip, isInReach } from '../../lib/page/seen/clip.ts';
import { coloursOf, parseColour, standsOut } from '../../lib/page/seen/colour.ts';
import { isCutByRect } from '../../lib/page/seen/effects.ts';

const box = (left: number, top: number, right: number, bottom: number) => ({ left, top, right, bottom });
const cut = (outer: Clip | null = null): Clip => ({ element: null, box: box(0, 0, 100, 100), scrollX: null, scrollY: null, outer });
const scroller = (outer: Clip | null = null): Clip => ({ ...cut(outer), scrollX: [0, 100], scrollY: [0, 5_000] });

test('computed colours are read, others are unknown', () => {
  expect(parseColour('rgb(1, 2, 3)')).toEqual([1, 2, 3, 1]);
  expect(parseColour('rgba(1, 2, 3, 0.5)')).toEqual([1, 2, 3, 0.5]);
  expect(parseColour('transparent')).toEqual([0, 0, 0, 0]);
  expect(parseColour('no-colour')).toBeNull();
});

test('a gradient has its colours, a picture is unknown', () => {
  expect(coloursOf('none')).toEqual([]);
  expect(coloursOf('linear-gradient(rgb(0, 0, 0), rgba(9, 9, 9, 0.5) 30%)')).toEqual([[0, 0, 0, 1], [9, 9, 9, 0.5]]);
  expect(coloursOf('url("x.png"), linear-gradient(rgb(0, 0, 0), rgb(1, 1, 1))')).toBeNull();
});

test.each([
  ['black on white', [0, 0, 0, 1], [255, 255, 255, 1], true],
  ['light grey on white', [200, 200, 200, 1], [255, 255, 255, 1], true],
  ['red on grey of the same lightness', [255, 0, 0, 1], [127, 127, 127, 1], true],
  ['white on white', [255, 255, 255, 1], [255, 255, 255, 1], false],
  ['nearly white on white', [250, 250, 250, 1], [255, 255, 255, 1], false],
  ['clear on white', [0, 0, 0, 0], [255, 255, 255, 1], false],
] as const)('%s', (_name, front, back, expected) => {
  expect(standsOut([front], [back])).toBe(expected);
});

test('one colour of a gradient is enough, and the unknown stands out', () => {
  expect(standsOut([[255, 255, 255, 1]], [[255, 255, 255, 1], [0, 0, 0, 1]])).toBe(true);
  expect(standsOut(null, [[255, 255, 255, 1]])).toBe(true);
  expect(standsOut([[255, 255, 255, 1]], null)).toBe(true);
  expect(standsOut([], [[255, 255, 255, 1]])).toBe(false);
});

test.each([
  ['in a box that cuts', box(10, 10, 50, 30), cut(), true],
  ['partly in it', box(80, 10, 500, 30), cut(), true],
  ['outside of it', box(150, 10, 190, 30), cut(), false],
  ['below a box that scrolls', box(10, 900, 50, 920), scroller(), true],
  ['above a box that scrolls', box(10, -90, 50, -70), scroller(), false],
  ['in a scroller that a box shows', box(10, 900, 50, 920), scroller(cut()), true],
  ['in a scroller that lies outside', box(10, 900, 50, 920), scroller({ ...cut(), box: box(0, 200, 100, 300) }), false],
])('%s', (_name, text, clip, expected) => {
  expect(isInReach(text, clip)).toBe(expected);
});

test('the old clip property', () => {
  expect(isCutByRect('rect(1px, 1px, 1px, 1px)')).toBe(true);
  expect(isCutByRect('rect(0px, 200px, 200px, 0px)')).toBe(false);
  expect(isCutByRect('auto')).toBe(false);
});
