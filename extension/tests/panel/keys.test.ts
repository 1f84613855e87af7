// Keys in the picker.
import { expect, test } from 'vitest';
import { actOf, digitFor } from '../../entrypoints/panel/picker/keys.ts';

const key = (name: string, more: Partial<KeyboardEvent> = {}): KeyboardEvent => ({ key: name, code: /^\d$/.test(name) ? `Digit${name}` : name, altKey: false, ctrlKey: false, metaKey: false, isComposing: false, ...more }) as KeyboardEvent;
const at = { active: 1, total: 20, isEmpty: true };

test.each([
  ['ArrowDown', 2], ['ArrowUp', 0], ['Home', 0], ['End', 19], ['PageDown', 9], ['PageUp', 0],
])('%s moves', (name, place) => {
  expect(actOf(key(name), at)).toEqual({ do: 'go', place });
});

test('the ends of the list are joined for arrows, not for pages', () => {
  expect(actOf(key('ArrowDown'), { ...at, active: 19 })).toEqual({ do: 'go', place: 0 });
  expect(actOf(key('ArrowUp'), { ...at, active: 0 })).toEqual({ do: 'go', place: 19 });
  expect(actOf(key('PageDown'), { ...at, active: 19 })).toEqual({ do: 'go', place: 19 });
});

test('a digit chooses while nothing is typed, and with Alt always', () => {
  expect(actOf(key('3'), at)).toEqual({ do: 'pick', place: 2 });
  expect(actOf(key('3'), { ...at, isEmpty: false })).toBeNull();
  expect(actOf(key('#', { code: 'Digit3', altKey: true }), { ...at, isEmpty: false })).toEqual({ do: 'pick', place: 2 });
  expect(actOf(key('9'), { ...at, total: 8 })).toBeNull();
  expect(actOf(key('0'), at)).toBeNull();
  expect([digitFor(0), digitFor(8), digitFor(9)]).toEqual(['1', '9', '']);
});

test('Enter chooses, Alt+S marks, letters and a composition are typed', () => {
  expect(actOf(key('Enter'), at)).toEqual({ do: 'pick', place: 1 });
  expect(actOf(key('ß', { code: 'KeyS', altKey: true }), at)).toEqual({ do: 'star', place: 1 });
  expect(actOf(key('a', { code: 'KeyA' }), at)).toBeNull();
  expect(actOf(key('Enter', { isComposing: true }), at)).toBeNull();
  expect(actOf(key('Enter'), { ...at, total: 0 })).toBeNull();
});
