// Text as people compare it: typographic quotes, dashes and white space made equal. Called by highlight.
// Knows strings only. The server folds in the same spirit, so a quote that it verified is found here too.

/** `at[i]` is the offset in the original of folded character i; the last entry is the original's length. */
export interface Folded {
  text: string;
  at: number[];
}

const SAME: Record<string, string> = {
  '“': '"', '”': '"', '„': '"', '‟': '"', '″': '"', '«': '"', '»': '"',
  '‘': "'", '’': "'", '‚': "'", '‛': "'", '′': "'",
  '‐': '-', '‑': '-', '‒': '-', '–': '-', '—': '-', '−': '-', '…': '...',
};
const UNSEEN = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/;

export function fold(original: string): Folded {
  let text = '';
  const at: number[] = [];
  for (let i = 0; i < original.length; i += 1) {
    const char = original.charAt(i);
    if (UNSEEN.test(char)) continue;
    const folded = /\s/.test(char) ? ' ' : (SAME[char] ?? char.toLowerCase());
    if (folded === ' ' && (text === '' || text.endsWith(' '))) continue;
    for (let j = 0; j < folded.length; j += 1) at.push(i);
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
