// Formulas in one line: MathML as a reader would type it, and the twin of a drawn formula. Called by walk.
// A hidden twin is read only when it is made of the very characters that are painted.

export type Part = Text | string;

const DRAWN = '.katex, mjx-container, .MathJax, .mwe-math-element';
const INFIX = /^\s*[=<>≤≥≠≈+\-−±×÷→⇒∈]\s*$/;
const SKIPPED = new Set(['annotation', 'annotation-xml', 'mphantom', 'none', 'mprescripts']);

/** The MathML beside a formula that is drawn with boxes or glyphs; null for everything else. */
export function twinOf(element: Element): Element | null {
  return element.matches(DRAWN) ? element.querySelector('math') : null;
}

/** True when both show the same letters, digits and signs, in whatever order. */
export function isSameFormula(parts: readonly Part[], painted: string): boolean {
  const twin = signs(parts.map((part) => (typeof part === 'string' ? '' : part.data)).join(''));
  return twin !== '' && twin === signs(painted);
}

/** Its texts in reading order, with signs between them that keep the meaning: `(a)/(b)`, `x^2`, `√(x)`. */
export function* partsOf(node: Element): Generator<Part> {
  const name = node.localName;
  if (SKIPPED.has(name)) return;
  if (!node.firstElementChild) {
    yield* textsOf(node);
    return;
  }
  const children = [...node.children].filter((child) => !SKIPPED.has(child.localName));
  if (name === 'msqrt') {
    yield* enclosed('√(', children, ')');
    return;
  }
  const marks = MARKS[name];
  for (const [i, child] of children.entries()) {
    const mark = marks?.[i] ?? '';
    if (mark) yield mark;
    const isInfix = !marks && i > 0 && i < children.length - 1 && INFIX.test(child.textContent ?? '');
    yield* marks && isComposed(child) ? enclosed('(', [child], ')') : isInfix ? enclosed(' ', [child], ' ') : partsOf(child);
  }
}

/** What stands before the nth part. */
const MARKS: Readonly<Record<string, readonly string[]>> = {
  mfrac: ['', '/'], msup: ['', '^'], msub: ['', '_'], msubsup: ['', '_', '^'], mover: ['', '^'], munder: ['', '_'], munderover: ['', '_', '^'], mroot: ['', '√'],
  mtable: ['', '; ', '; ', '; ', '; ', '; '], mtr: ['', ', ', ', ', ', ', ', ', ', '],
};

function* enclosed(open: string, children: readonly Element[], close: string): Generator<Part> {
  yield open;
  for (const child of children) yield* partsOf(child);
  yield close;
}

function isComposed(node: Element): boolean {
  return node.localName === 'mfrac' || ((node.localName === 'mrow' || node.localName === 'mstyle') && node.children.length > 1);
}

function* textsOf(node: Element): Generator<Part> {
  for (const child of node.childNodes) if (child.nodeType === Node.TEXT_NODE) yield child as Text;
}

function signs(text: string): string {
  const plain = text.normalize('NFKC').replaceAll(/[\s\u{200b}-\u{200f}\u{2060}-\u{2064}]/gu, '').replaceAll('−', '-');
  return Array.from(plain).toSorted().join('');
}
