// CSS counters and list numbers, counted along the walk as the browser counts them. Called by walk and generated.
// Follows CSS Lists: a counter lives with the siblings and descendants of the element that reset it.

interface Scope {
  parent: Node | null;
  value: number;
}

const LIST = 'list-item';
const ROMAN: readonly [string, number][] = [
  ['m', 1000], ['cm', 900], ['d', 500], ['cd', 400], ['c', 100], ['xc', 90], ['l', 50], ['xl', 40], ['x', 10], ['ix', 9], ['v', 5], ['iv', 4], ['i', 1],
];
const DIGITS: Readonly<Record<string, string>> = {
  'arabic-indic': 'arab', persian: 'arabext', urdu: 'arabext', bengali: 'beng', devanagari: 'deva', gujarati: 'gujr', gurmukhi: 'guru', kannada: 'knda',
  khmer: 'khmr', lao: 'laoo', malayalam: 'mlym', mongolian: 'mong', myanmar: 'mymr', oriya: 'orya', tamil: 'tamldec', telugu: 'telu', thai: 'thai', tibetan: 'tibt',
};
const BULLETS = new Set(['none', 'disc', 'circle', 'square', 'disclosure-open', 'disclosure-closed', '']);

export class Counters {
  private readonly scopes = new Map<string, Scope[]>();

  /** Applies an element's counter properties. `parent` is the node in which its siblings stand. */
  enter(parent: Node | null, style: CSSStyleDeclaration): void {
    for (const [name, value] of pairs(style.counterReset, 0)) this.reset(name, value, parent);
    for (const [name, value] of pairs(style.counterIncrement, 1)) this.scope(name, parent).value += value;
    for (const [name, value] of pairs(style.counterSet, 0)) this.scope(name, parent).value = value;
  }

  /** The number of a list begins anew. */
  enterList(list: Element): void {
    const items = list.hasAttribute('reversed') ? list.querySelectorAll(':scope > li').length + 1 : 0;
    const start = Number.parseInt(list.getAttribute('start') ?? '', 10);
    const step = list.hasAttribute('reversed') ? -1 : 1;
    this.reset(LIST, Number.isNaN(start) ? items : start - step, list.parentNode);
  }

  enterItem(item: Element): void {
    const own = Number.parseInt(item.getAttribute('value') ?? '', 10);
    const scope = this.scope(LIST, item.parentNode);
    scope.value = Number.isNaN(own) ? scope.value + (item.closest('ol')?.hasAttribute('reversed') ? -1 : 1) : own;
  }

  /** Ends the counters that were made among the children of this element. */
  leave(element: Node): void {
    for (const scopes of this.scopes.values()) while (scopes.at(-1)?.parent === element) scopes.pop();
  }

  /** All values of a counter, outermost first. */
  values(name: string): number[] {
    return (this.scopes.get(name) ?? []).map((scope) => scope.value);
  }

  /** The marker of a list item as it is painted; empty for bullets. */
  marker(style: string): string {
    if (BULLETS.has(style)) return '';
    if (/^["']/.test(style)) return style.slice(1, -1);
    const number = format(this.values(LIST).at(-1) ?? 0, style);
    return /^(cjk|japanese|simp|trad|hiragana|katakana|korean|ethiopic)/.test(style) ? `${number}、` : `${number}. `;
  }

  private reset(name: string, value: number, parent: Node | null): void {
    const scopes = this.scopes.get(name) ?? [];
    if (scopes.at(-1)?.parent === parent) scopes.pop();
    scopes.push({ parent, value });
    this.scopes.set(name, scopes);
  }

  private scope(name: string, parent: Node | null): Scope {
    if ((this.scopes.get(name) ?? []).length === 0) this.reset(name, 0, parent);
    return this.scopes.get(name)?.at(-1) as Scope;
  }
}

export function format(value: number, style: string): string {
  if (style === 'decimal-leading-zero') return String(value).padStart(2, '0');
  if (/^(lower|upper)-(alpha|latin)$/.test(style) && value > 0) return inCase(letters(value), style);
  if (/^(lower|upper)-roman$/.test(style) && value > 0 && value < 4_000) return inCase(roman(value), style);
  const digits = DIGITS[style];
  return digits ? new Intl.NumberFormat('en', { numberingSystem: digits, useGrouping: false }).format(value) : String(value);
}

/** `none`, or names each with an optional number. */
function pairs(css: string | undefined, otherwise: number): [string, number][] {
  if (!css || css === 'none') return [];
  return [...css.matchAll(/(?:reversed\()?([^\s()]+)\)?(?: (-?\d+))?/g)].map(([, name = '', value]) => [name, Number(value ?? otherwise)]);
}

function inCase(text: string, style: string): string {
  return style.startsWith('upper') ? text.toUpperCase() : text;
}

function letters(value: number): string {
  const rest = value - 1;
  const last = String.fromCodePoint(97 + (rest % 26));
  return rest < 26 ? last : letters(Math.floor(rest / 26)) + last;
}

function roman(value: number): string {
  let rest = value;
  return ROMAN.map(([sign, worth]) => {
    const times = Math.floor(rest / worth);
    rest -= times * worth;
    return sign.repeat(times);
  }).join('');
}
