// Text as people compare it: typographic quotes, dashes and white space made equal. Called by highlight.
// Knows strings only. The characters are the server's, so a quote that it verified is found here too.
import { FOLDS, HIDDEN, SPACE } from './characters.ts';

/** `at[i]` is the offset in the original of UTF-16 unit i of the folded text; the last entry is the original's length. */
export interface Folded {
  text: string;
  at: number[];
}

export function fold(original: string): Folded {
  let text = '';
  const at: number[] = [];
  let next = 0;
  for (const char of original) {
    const start = next;
    next += char.length;
    if (HIDDEN.test(char)) continue;
    const folded = SPACE.test(char) ? ' ' : (FOLDS[char] ?? char.toLowerCase());
    if (folded === ' ' && (text === '' || text.endsWith(' '))) continue;
    for (let i = 0; i < folded.length; i += 1) at.push(start + Math.min(i, char.length - 1));
    text += folded;
  }
  at.push(original.length);
  return { text, at };
}

/** Where the folded words stand in the folded text, as [start, end) of the original; null when they do not. */
export function findFolded(haystack: string, needle: string): [number, number] | null {
  const words = fold(needle).text.trim();
  if (words === '') return null;
  const folded = fold(haystack);
  const found = folded.text.indexOf(words);
  if (found < 0) return null;
  const start = folded.at[found] ?? 0;
  const last = folded.at[found + words.length - 1] ?? start;
  return [start, last + 1];
}
