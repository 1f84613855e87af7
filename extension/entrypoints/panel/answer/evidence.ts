// The evidence of one answer in the order of its text: verified quotes and citations, each with its passage. Pure.
import type { Passage } from '../../../lib/connection/messages.ts';
import type { PassageCard, Quote } from '../../../lib/connection/protocol.ts';
import type { Lit } from '../state/state.ts';
import type { Turn } from '../state/thread.ts';

/** `at`: where the quote or the citation begins in the answer. It names the evidence within its answer. */
export interface Evidence {
  at: number;
  passage: Passage;
}

const CITATION = /\[(\d{1,5})\]/g;
const CONSIDERED_MAX = 8;

export function passageOf({ block, start, end, text }: Quote): Passage {
  return { block, start, end, text };
}

export function blockPassage(block: number): Passage {
  return { block, start: null, end: null, text: '' };
}

/** `blocks`: how many the page has. A citation that belongs to a quote is that quote's. */
export function evidenceOf({ answer, quotes }: Pick<Turn, 'answer' | 'quotes'>, blocks: number): Evidence[] {
  const ends = quotes.map((quote) => [quote.at, quote.at + quote.text.length + 2] as const);
  const isFree = (at: number): boolean => !ends.some(([start, end]) => at >= start && at < end + 3 && answer.slice(end, at).trim().length <= 1);
  const cited = [...answer.matchAll(CITATION)]
    .map(({ 1: digits, index }) => ({ at: index, passage: blockPassage(Number(digits)) }))
    .filter(({ at, passage: { block } }) => block !== null && block >= 1 && block <= blocks && isFree(at));
  const quoted = quotes.filter(({ verified }) => verified).map((quote) => ({ at: quote.at, passage: passageOf(quote) }));
  return [...quoted, ...cited].toSorted((a, b) => a.at - b.at);
}

/** The evidence after or before the one that is lit, round the ends; the first or the last when none is. */
export function stepOf(evidence: Evidence[], lit: number | null, step: 1 | -1): Evidence | undefined {
  const index = evidence.findIndex(({ at }) => at === lit);
  if (index < 0) return evidence.at(step === 1 ? 0 : -1);
  return evidence.at((index + step) % evidence.length);
}

/** Which evidence of this answer is lit; null when none or another answer's is. */
export function litIn(run: string, lit: Lit | null): number | null {
  return lit?.run === run ? lit.at : null;
}

/** What the finder took for likely and the answer does not quote, best first. */
export function alsoConsidered({ passages, considered, quotes }: Pick<Turn, 'passages' | 'considered' | 'quotes'>): PassageCard[] {
  const quoted = (card: PassageCard): boolean => quotes.some((quote) => quote.block === card.block && (quote.text.includes(card.text) || card.text.includes(quote.text)));
  return [...passages, ...considered].filter((card) => !quoted(card)).slice(0, CONSIDERED_MAX);
}
