// Text that the style sheet writes: `::before`, `::after`, numbers of clauses, quotation marks. Called by walk.
// Only what reads as words, numbers or signs; bullets, arrows and the glyphs of icon fonts are decoration.
import type { Counters } from './counters.ts';
import { format } from './counters.ts';

export type Pseudo = '::before' | '::after';

const READABLE = /[\p{L}\p{N}\p{Sc}%‰§°№“”„«»「」]/u;
const PRIVATE = /\p{Co}/u;
const PART = /"((?:[^"\\]|\\.)*)"|counter\(\s*([\w-]+)\s*(?:,\s*([\w-]+)\s*)?\)|counters\(\s*([\w-]+)\s*,\s*"((?:[^"\\]|\\.)*)"\s*(?:,\s*([\w-]+)\s*)?\)|attr\(\s*([\w-]+)\s*\)|(open-quote|close-quote)/g;
const RULES_MAX = 20_000;
const SELECTORS_MAX = 100;

/** What the sheets of a document write. A sheet of another site cannot be read: then anything may have text. */
export interface Writes {
  /** The elements that may have text before or after them; null when that is not known, empty for none. */
  selector: string | null;
  counters: boolean;
}

const UNKNOWN: Writes = { selector: null, counters: true };

export function writesOf(document: Document | ShadowRoot): Writes {
  const selectors = new Set<string>();
  let counters = document.querySelector('[style*="counter-"]') !== null;
  let left = RULES_MAX;
  const look = (rules: Iterable<CSSRule>): void => {
    for (const rule of rules) {
      left -= 1;
      const { style, selectorText, cssRules, styleSheet } = rule as Partial<CSSStyleRule> & { styleSheet?: CSSStyleSheet };
      counters ||= Boolean(style?.counterIncrement || style?.counterReset || style?.counterSet);
      if (style?.content && mayBeText(style.content)) selectors.add(selectorText ?? '');
      if (styleSheet) look(styleSheet.cssRules);
      if (cssRules && cssRules.length > 0) look(cssRules);
    }
  };
  try {
    for (const sheet of [...document.styleSheets, ...(document.adoptedStyleSheets ?? [])]) look(sheet.cssRules);
  } catch {
    return UNKNOWN;
  }
  if (left < 0 || selectors.size > SELECTORS_MAX || [...selectors].some((text) => /&|:host|::slotted|^$/.test(text))) return { selector: null, counters };
  return { selector: [...selectors].map((text) => text.replaceAll(/::?(before|after|marker)\b/g, '')).filter((text) => text.trim() !== '').map(complete).join(', '), counters };
}

/** A part that was a pseudo-element alone stands for every element. */
function complete(selector: string): string {
  return selector.split(',').map((part) => (/(^|[\s>+~])$/.test(part) ? `${part}*` : part)).join(',');
}

export function mayWrite(writes: Writes, element: Element): boolean {
  if (writes.selector === '') return false;
  try {
    return writes.selector === null || element.matches(writes.selector);
  } catch {
    return true;
  }
}

/** For a shadow tree inside: what either writes. */
export function either(one: Writes, other: Writes): Writes {
  const isUnknown = one.selector === null || other.selector === null;
  return { selector: isUnknown ? null : [one.selector, other.selector].filter(Boolean).join(', '), counters: one.counters || other.counters };
}

function mayBeText(content: string): boolean {
  return content.includes('(') || content.includes('-quote') || READABLE.test(content.replaceAll(/\\[0-9a-f]+/gi, ''));
}

/** The readable text of a pseudo-element, or empty. `isSeen` judges its style like that of an element. */
export function generatedText(element: Element, pseudo: Pseudo, counters: Counters, isSeen: (style: CSSStyleDeclaration) => boolean): string {
  const style = getComputedStyle(element, pseudo);
  const { content } = style;
  if (!content || content === 'none' || content === 'normal') return '';
  counters.enter(element, style);
  if (content === '""' || !isSeen(style)) return '';
  const text = [...content.matchAll(PART)].map((part) => written(part, element, counters, style)).join('');
  return READABLE.test(text) && !PRIVATE.test(text) ? text : '';
}

function written(part: RegExpMatchArray, element: Element, counters: Counters, style: CSSStyleDeclaration): string {
  const [, plain, counter, counterStyle, nested, separator, nestedStyle, attribute, quote] = part;
  if (plain !== undefined) return unescape(plain);
  if (counter) return format(counters.values(counter).at(-1) ?? 0, counterStyle ?? 'decimal');
  if (nested) return counters.values(nested).map((value) => format(value, nestedStyle ?? 'decimal')).join(unescape(separator ?? ''));
  if (attribute) return element.getAttribute(attribute) ?? '';
  const marks = [...(style.quotes ?? '').matchAll(/"([^"]*)"/g)].map(([, mark = '']) => mark);
  return quote === 'open-quote' ? (marks[0] ?? '“') : (marks[1] ?? '”');
}

function unescape(css: string): string {
  return css.replaceAll(/\\([0-9a-f]{1,6}) ?|\\(.)/gi, (_all, hex: string | undefined, char: string | undefined) =>
    hex ? String.fromCodePoint(Math.min(Number.parseInt(hex, 16), 0x10ff_ff)) : (char ?? ''),
  );
}
