// Which of the six forms an answer has, and its parts, read from the text alone. Pure; called by Answer at every token.
// An answer that is cut short has the form that it begins; one that fits no form is plain Markdown.

/** A slice of the answer. `at`: its offset, in UTF-16 units. */
export interface Span {
  text: string;
  at: number;
}

/** `"text" [cited]`. `isOpen`: the closing mark has not come yet. */
export interface Quotation extends Span {
  cited: number | null;
  isOpen: boolean;
}

export interface Point {
  label: Span;
  evidence: Quotation[];
}

export type Form =
  | { kind: 'plain'; body: Span }
  | { kind: 'fact'; lead: Span; evidence: Quotation[]; closing: Span | null }
  | { kind: 'list'; points: Point[]; isOrdered: boolean; closing: Span | null }
  | { kind: 'table'; body: Span; closing: Span | null }
  | { kind: 'verdict'; word: string; reason: Span; evidence: Quotation[]; closing: Span | null }
  | { kind: 'draft'; body: Span; evidence: Quotation[]; closing: Span | null }
  | { kind: 'summary'; sentences: Span[]; closing: Span | null }
  | { kind: 'abstention'; statement: Span; note: Span | null; closest: Quotation[]; closing: Span | null };

// Quotations are blanked before the patterns see the text, so that nothing that a page says has a form. Offsets stay.
const BLANK = '\uE000';
const QUOTATION = /"([^"\n]{1,2000})"(?:[.,;:]? ?\[(\d{1,5})\])?|"([^"\n]*)$/g;
const EVIDENCE_ONLY = /^(?=.*\uE000)[\s.,;\uE000]+$/s;

const ABSTAINS = /^The page does not say\.(?: (\([^()\n]{1,200}\)))?/;
const VERDICT = /^\**Verdict:\**[ ]?\**([A-Za-z][A-Za-z' -]{0,30}?)\**(?=[.,:;!\n\uE000]| [–—]|$)[.,:;!]?\**/i;
const SOURCES = /^\**From the page:\**/i;
const ITEM = /^ ?(?:[-*•]|(\d{1,2})[.)])\s+/;
const RULE = /^\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?$/;
const SENTENCE = /[^[\]\n]{2,600}(?:\[\d{1,5}\][ ,]{0,2}){1,6}[.?!]?\s*/gy;
const CITED = /\[\d{1,5}\]/;

export function formOf(answer: string, isLive: boolean): Form {
  const text = new Text(answer);
  const found = abstention(text) ?? verdict(text) ?? draft(text) ?? table(text) ?? list(text, isLive) ?? fact(text) ?? summary(text, isLive);
  return found ?? { kind: 'plain', body: { text: answer, at: 0 } };
}

/** An answer with its quotations blanked, in lines. */
class Text {
  readonly quotations: Quotation[] = [];
  readonly blanked: string;
  readonly lines: Span[] = [];

  constructor(readonly answer: string) {
    this.blanked = answer.replaceAll(BLANK, '\uFFFD').replace(QUOTATION, (all, text: string | undefined, cited: string | undefined, open: string | undefined, at: number) => {
      this.quotations.push({ text: text ?? open ?? '', at, cited: cited ? Number(cited) : null, isOpen: text === undefined });
      return BLANK.repeat(all.length);
    });
    let at = 0;
    for (const line of this.blanked.split('\n')) {
      if (line.trim() !== '') this.lines.push({ text: line, at });
      at += line.length + 1;
    }
  }

  /** The answer from `start` to `end`, without white space at its ends. */
  span(start: number, end: number): Span {
    const raw = this.answer.slice(start, end);
    return { text: raw.trim(), at: start + raw.length - raw.trimStart().length };
  }

  evidence(start: number, end: number): Quotation[] {
    return this.quotations.filter(({ at }) => at >= start && at < end);
  }

  /** What begins at `start` and is evidence alone after `words` of its own; null when anything follows the evidence. */
  claim(start: number, end: number): { words: Span; evidence: Quotation[] } | null {
    const part = this.blanked.slice(start, end);
    const first = part.indexOf(BLANK);
    if (first < 0) return { words: this.span(start, end), evidence: [] };
    if (!EVIDENCE_ONLY.test(part.slice(first))) return null;
    return { words: this.span(start, start + first), evidence: this.evidence(start, end) };
  }

  /** The last of the lines from `index` on that hold nothing but evidence of line `index`. */
  lastOf(index: number): number {
    let last = index;
    while (EVIDENCE_ONLY.test(this.lines[last + 1]?.text ?? '')) last += 1;
    return last;
  }

  /** The one line without evidence that may follow from line `index` on ("Not legal advice."); undefined when it is more than that. */
  closing(index: number): Span | null | undefined {
    const [line, ...more] = this.lines.slice(index);
    if (!line) return null;
    return more.length > 0 || line.text.length > 200 || /\uE000|^\s*[|#>]/.test(line.text) || ITEM.test(line.text) ? undefined : this.span(line.at, endOf(line));
  }
}

function abstention(text: Text): Form | null {
  const found = ABSTAINS.exec(text.blanked);
  if (!found) return null;
  const [all, note] = found;
  const after = text.lines.filter((line) => line.at > all.length);
  const closest = after.find((line) => line.text.startsWith('Closest:'));
  const others = after.filter((line) => line !== closest);
  if (text.blanked.slice(all.length).split('\n')[0]?.trim() || others.length > 1 || others.some((line) => line.text.includes(BLANK))) return null;
  const [closing] = others;
  return {
    kind: 'abstention',
    statement: text.span(0, all.length - (note ? note.length : 0)),
    note: note ? text.span(all.length - note.length, all.length) : null,
    closest: closest ? text.evidence(closest.at, endOf(closest)) : [],
    closing: closing ? text.span(closing.at, endOf(closing)) : null,
  };
}

function verdict(text: Text): Form | null {
  const [line] = text.lines;
  const found = line && VERDICT.exec(line.text);
  if (!found) return null;
  const start = line.at + found[0].length;
  const last = text.lastOf(0);
  const claim = text.claim(start, endOf(text.lines[last] ?? line));
  const closing = text.closing(last + 1);
  const isWhole = claim !== null && closing !== undefined;
  const reason = isWhole ? claim.words : text.span(start, text.answer.length); // else everything stands in the reason, as Markdown
  return { kind: 'verdict', word: found[1]?.trim() ?? '', reason, evidence: isWhole ? claim.evidence : [], closing: closing ?? null };
}

function draft(text: Text): Form | null {
  const index = text.lines.findLastIndex((line) => SOURCES.test(line.text));
  const sources = text.lines[index];
  if (!sources || index === 0) return null;
  const rest = sources.text.replace(SOURCES, '');
  const closing = text.closing(text.lastOf(index) + 1);
  if (closing === undefined || (rest.trim() !== '' && !EVIDENCE_ONLY.test(rest))) return null;
  return { kind: 'draft', body: text.span(0, sources.at), evidence: text.evidence(sources.at, text.answer.length), closing };
}

function table(text: Text): Form | null {
  const [head, rule] = text.lines;
  if (!head?.text.trimStart().startsWith('|') || !rule || !RULE.test(rule.text.trim())) return null;
  const end = text.lines.findIndex((line) => !line.text.trimStart().startsWith('|'));
  const closing = end < 0 ? null : text.closing(end);
  if (closing === undefined) return null;
  return { kind: 'table', body: text.span(0, end < 0 ? text.answer.length : (text.lines[end]?.at ?? 0)), closing };
}

function list(text: Text, isLive: boolean): Form | null {
  const end = text.lines.findIndex((line) => !ITEM.test(line.text));
  const items = end < 0 ? text.lines : text.lines.slice(0, end);
  const closing = end < 0 ? null : text.closing(end);
  if (items.length === 0 || closing === undefined) return null;
  const points = items.map((line) => pointOf(text, line));
  const isOrdered = items.every((line) => ITEM.exec(line.text)?.[1] !== undefined);
  if (!isLive && points.every(({ evidence }) => evidence.length === 0)) return null;
  if (isOrdered && points.length === 1 && points[0]?.label.text === '') return null; // an answer that is a number
  return { kind: 'list', points, isOrdered, closing };
}

function pointOf(text: Text, line: Span): Point {
  const start = line.at + (ITEM.exec(line.text)?.[0].length ?? 0);
  const claim = text.claim(start, endOf(line));
  if (!claim) return { label: text.span(start, endOf(line)), evidence: [] };
  const { text: label, at } = claim.words;
  return { label: { text: label.endsWith(':') ? label.slice(0, -1).trimEnd() : label, at }, evidence: claim.evidence };
}

function fact(text: Text): Form | null {
  const [line] = text.lines;
  const last = text.lastOf(0);
  const claim = line && text.claim(line.at, endOf(text.lines[last] ?? line));
  const closing = text.closing(last + 1);
  if (!claim || claim.evidence.length === 0 || claim.words.text === '' || closing === undefined) return null;
  return { kind: 'fact', lead: claim.words, evidence: claim.evidence, closing };
}

function summary(text: Text, isLive: boolean): Form | null {
  if (text.quotations.length > 0 || !CITED.test(text.blanked) || text.lines.some((line) => /^\s*[|#>]/.test(line.text) || ITEM.test(line.text))) return null;
  const last = text.lines.at(-1);
  const hasClosing = last !== undefined && text.lines.length > 1 && !CITED.test(last.text) && !isLive;
  const end = hasClosing ? last.at : text.answer.length;
  const sentences = [...text.blanked.slice(0, end).matchAll(SENTENCE)].map(({ 0: all, index }) => text.span(index, index + all.length));
  const covered = sentences.at(-1);
  const rest = text.span(covered ? covered.at + covered.text.length : 0, end);
  if (rest.text !== '' && !isLive) return null;
  return { kind: 'summary', sentences: rest.text === '' ? sentences : [...sentences, rest], closing: hasClosing ? text.span(last.at, endOf(last)) : null };
}

function endOf(line: Span): number {
  return line.at + line.text.length;
}
