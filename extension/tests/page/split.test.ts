// Long blocks become parts at paragraphs, lines and sentences; no character is lost and each leads back to its node.
import { expect, test } from 'vitest';
import type { Block } from '../../lib/page/block.ts';
import { splitLong } from '../../lib/page/split.ts';

const WHOLE = 1_600;

function block(text: string): Block {
  const node = document.createTextNode(text);
  return { element: document.createElement('div'), text, pieces: [{ node, from: 0, at: 0, length: text.length }] };
}

const words = (parts: Block[]): string => parts.map((part) => part.text).join(' ').replaceAll(/\s+/g, ' ');

test.each([WHOLE - 1, WHOLE])('a paragraph of %i characters stays whole', (length) => {
  expect(splitLong(block('x'.repeat(length)), false)).toHaveLength(1);
});

test('one character more and it is cut', () => {
  expect(splitLong(block('x'.repeat(WHOLE + 1)), false).map((part) => part.text.length)).toEqual([WHOLE, 1]);
});

test('blank lines divide text, but not code', () => {
  expect(splitLong(block('one\n\n two'), false).map((part) => part.text)).toEqual(['one', 'two']);
  expect(splitLong(block('one\n\ntwo'), true)).toHaveLength(1);
});

test.each([
  ['lines', Array.from({ length: 400 }, (_unused, i) => `line ${i} of the log`).join('\n')],
  ['sentences', Array.from({ length: 300 }, (_unused, i) => `Sentence ${i} says little.`).join(' ')],
  ['a script without spaces', '港の事務所は六時に開きます。'.repeat(300)],
  ['no place to cut', 'x'.repeat(20_000)],
])('a long text is cut at its %s and loses nothing', (_name, text) => {
  const parts = splitLong(block(text), false);
  expect(parts.length).toBeGreaterThan(5);
  expect(Math.max(...parts.map((part) => part.text.length))).toBeLessThanOrEqual(WHOLE);
  expect(words(parts).replaceAll(' ', '')).toBe(text.replaceAll(/\s+/g, ''));
  for (const part of parts) {
    for (const piece of part.pieces) expect(piece.node.data.slice(piece.from, piece.from + piece.length)).toBe(part.text.slice(piece.at, piece.at + piece.length));
    expect(part.pieces.reduce((sum, piece) => sum + piece.length, 0)).toBe(part.text.length);
  }
});

test('white space without end is no work', () => {
  const start = performance.now();
  splitLong(block(`a${' \n'.repeat(20_000)}b${'\n'.repeat(20_000)}`), false);
  expect(performance.now() - start).toBeLessThan(2_000);
});
