// The selection toolbar: when it is worth showing and where it stands.
import { expect, test } from 'vitest';
import { isWorthAsking, placeOf } from '../lib/selection/place.ts';

const VIEW = { width: 1_000, height: 800 };
const SIZE = { width: 300, height: 40 };
const box = (left: number, top: number, right: number, bottom: number) => ({ left, top, right, bottom });

test.each([['', false], ['one two', false], ['one two three', true], ['— 1 … !', false], ['私は学生です', true]])('three words are worth asking about: %s', (text, is) => {
  expect(isWorthAsking(text)).toBe(is);
});

test('it stands below the selection, at its start', () => {
  expect(placeOf([box(200, 100, 600, 120), box(80, 120, 300, 140)], SIZE, VIEW)).toEqual({ left: 80, top: 148 });
});

test('it stands above a selection at the bottom, and inside the window', () => {
  expect(placeOf([box(900, 740, 990, 790)], SIZE, VIEW)).toEqual({ left: 692, top: 692 });
  expect(placeOf([box(-50, 100, 300, 120)], SIZE, VIEW)).toEqual({ left: 8, top: 128 });
});

test('it never stands over the selection: without room there is none', () => {
  expect(placeOf([box(0, 20, 900, 790)], SIZE, VIEW)).toBeNull();
  expect(placeOf([box(0, 752, 900, 760)], { width: 300, height: 745 }, VIEW)).toBeNull();
});

test('what is scrolled out of sight does not count', () => {
  expect(placeOf([box(0, -300, 500, -10)], SIZE, VIEW)).toBeNull();
  expect(placeOf([box(0, -300, 500, -10), box(40, 20, 400, 40)], SIZE, VIEW)).toEqual({ left: 40, top: 48 });
  expect(placeOf([], SIZE, VIEW)).toBeNull();
});
