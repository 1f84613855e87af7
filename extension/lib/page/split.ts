// Blocks too long to stand whole in a context are cut at paragraphs, lines or sentences. Called by blocks.
// Every part keeps the pieces of its characters.
import type { Block } from './block.ts';

/** A block up to this length stays whole unless blank lines divide it. */
const WHOLE_CHARS_MAX = 1_600;
const PART_CHARS = 800;

let sentences: Intl.Segmenter | null = null;

export function splitLong(block: Block, isCode: boolean): Block[] {
  const { text } = block;
  const isWhole = text.length <= WHOLE_CHARS_MAX && (isCode || !/\n\s*\n/.test(text));
  if (isWhole) return [block];
  const paragraphs = spans(text, isCode ? [] : ends(text, /\n\s*\n\s*/g));
  const parts = paragraphs.flatMap(([start, end]) => (end - start > WHOLE_CHARS_MAX ? grouped(text, start, end) : [[start, end] as const]));
  return parts.map(([start, end]) => cut(block, start, end)).filter((part) => part.text !== '');
}

/** Lines, or sentences where a line is too long itself, put together up to PART_CHARS. */
function grouped(text: string, start: number, end: number): (readonly [number, number])[] {
  const groups: [number, number][] = [];
  const lines = spans(text.slice(start, end), ends(text.slice(start, end), /\n/g));
  const small = lines.flatMap(([from, to]) => (to - from > WHOLE_CHARS_MAX ? sentenceSpans(text, start + from, start + to) : [[start + from, start + to] as const]));
  for (const [from, to] of small) {
    const last = groups.at(-1);
    if (last && to - last[0] <= PART_CHARS) last[1] = to;
    else groups.push([from, to]);
  }
  return groups;
}

function sentenceSpans(text: string, start: number, end: number): (readonly [number, number])[] {
  sentences ??= new Intl.Segmenter(undefined, { granularity: 'sentence' });
  const found = [...sentences.segment(text.slice(start, end))].map(({ index, segment }) => [start + index, start + index + segment.length] as const);
  return found.flatMap(([from, to]) => {
    const count = Math.ceil((to - from) / WHOLE_CHARS_MAX);
    return Array.from({ length: count }, (_unused, i) => [from + i * WHOLE_CHARS_MAX, Math.min(to, from + (i + 1) * WHOLE_CHARS_MAX)] as const);
  });
}

function ends(text: string, pattern: RegExp): number[] {
  return [...text.matchAll(pattern)].map((match) => match.index + match[0].length);
}

function spans(text: string, cuts: readonly number[]): (readonly [number, number])[] {
  const all = [0, ...cuts.filter((at) => at < text.length), text.length];
  return all.slice(1).map((end, i) => [all[i] ?? 0, end] as const);
}

/** The characters [start, end) of a block as a block of their own, white space at its ends left out. */
function cut(block: Block, start: number, end: number): Block {
  const raw = block.text.slice(start, end);
  const from = start + raw.length - raw.trimStart().length;
  const to = start + raw.trimEnd().length;
  if (to <= from) return { element: block.element, text: '', pieces: [] };
  const pieces = block.pieces.flatMap((piece) => {
    const [low, high] = [Math.max(piece.at, from), Math.min(piece.at + piece.length, to)];
    return high > low ? [{ node: piece.node, from: piece.from + low - piece.at, at: low - from, length: high - low }] : [];
  });
  return { element: block.element, text: block.text.slice(from, to), pieces };
}
