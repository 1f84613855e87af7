// What stands between two texts of one block: nothing, a space, a new line, a mark between cells. Called by blocks.
// Decides by boxes where there are any: words that are painted apart are apart.
import type { Box } from './seen/clip.ts';
import type { Token } from './rendered/walk.ts';

const GAP_SHARE = 0.2;
const LETTER_GAP_SHARE = 0.6;
/** Scripts that break lines without a space between words. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}　-〿＀-￯]/u;

export function joint(last: Token, token: Token, before: string, isBroken: boolean): string {
  const { place } = token;
  if (place.cell !== last.place.cell) return last.place.cell?.tagName === 'DT' ? ': ' : '; ';
  if (isBroken) return brokenBy(before, token);
  if (place.line !== last.place.line) return place.isPre ? '\n' : ' ';
  if (last.parent === token.parent || /\s$/.test(before) || /^\s/.test(token.text)) return isRaised(token, before) ? '^' : '';
  if (isRaised(token, before)) return '^';
  return arePaintedApart(last, token) ? ' ' : '';
}

/** A `<br>` ends a line, but not in a heading, nor in the middle of a sentence. */
function brokenBy(before: string, token: Token): string {
  if (/^H\d$/.test(token.place.owner.tagName)) return ' ';
  return /[\p{L},]\s*$/u.test(before) && /^\s*\p{Ll}/u.test(token.text) && !token.place.isPre ? ' ' : '\n';
}

/** 10 and a raised 6 are no 106. */
function isRaised(token: Token, before: string): boolean {
  return token.parent.tagName === 'SUP' && /^[+\-−]?\d+$/.test(token.text.trim()) && /(?:\d|(?:^|[\s(])\p{L}{1,3})$/u.test(before);
}

function arePaintedApart(last: Token, token: Token): boolean {
  if (!last.last || !token.first) return false;
  const [one, other] = [last.last, token.first];
  const height = Math.min(one.bottom - one.top, other.bottom - other.top);
  const isOneLine = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > height / 2;
  if (!isOneLine) return isStacked(one, other) && !UNSPACED.test(last.text.slice(-1) + token.text.slice(0, 1));
  const gap = Math.max(other.left - one.right, one.left - other.right);
  const isLetter = last.text.trim().length === 1 && token.text.trim().length === 1;
  return gap > (isLetter ? LETTER_GAP_SHARE : GAP_SHARE) * height;
}

/** Under each other, not just a little raised or lowered. */
function isStacked(one: Box, other: Box): boolean {
  return other.top >= one.bottom - 2 || one.top >= other.bottom - 2;
}
