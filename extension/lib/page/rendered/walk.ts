// The texts of a document that a person can see, in the order in which they are seen. Called by blocks.
// Walks what is rendered: shadow trees, slots, frames of the same site, text from the style sheet. Makes no blocks.
import { Counters } from './counters.ts';
import { either, generatedText, mayWrite, type Pseudo, type Writes, writesOf } from './generated.ts';
import { isSameFormula, partsOf, twinOf } from './math.ts';
import { childrenOf, innerDocument, isFrame, isNeverText, isPicture, shadowOf } from './nodes.ts';
import { inside, isBlock, type Place } from './place.ts';
import { type Box } from '../seen/clip.ts';
import { openerOf } from '../seen/collapsed.ts';
import { type Look, Sight } from '../seen/sight.ts';
import { type Style, styleOf } from '../seen/style.ts';

/** Characters [from, to) of a text node, or text without a node that the style sheet or a formula writes; null for `<br>`. */
export interface Token {
  node: Text | null;
  text: string;
  from: number;
  parent: Element;
  place: Place;
  isVerbatim: boolean;
  /** First and last line box; null without a layout. */
  first: Box | null;
  last: Box | null;
  isBreak?: boolean;
  /** Asked once the walk is over: nothing lies over the text, and it stands out from what is behind it. */
  isSeen: () => boolean;
}

export class Walk {
  /** Elements entered so far. */
  elements = 0;
  private readonly counters = new Counters();
  private readonly sight: Sight;
  private writes: Writes;

  /** `unread` takes the frames in sight that may not be looked into. */
  constructor(private readonly document: Document, readonly unread: Element[] = []) {
    this.sight = new Sight(document);
    this.writes = writesOf(document);
  }

  *tokens(root: Element = this.document.body): Generator<Token> {
    const look = this.sight.start(root);
    if (look) yield* this.children(root, look, { owner: root, cell: null, line: root, isJoined: false, isPre: false });
  }

  private *element(element: Element, look: Look, place: Place): Generator<Token> {
    this.elements += 1;
    if (isNeverText(element)) return;
    if (element.tagName === 'BR') {
      yield { ...written('', element, place), isBreak: true };
      return;
    }
    const style = styleOf(element);
    const seen = this.sight.enter(element, style, look, openerOf);
    this.count(element, style);
    if (seen && !isPicture(element)) yield* this.within(element, style, seen, place);
    this.counters.leave(element);
  }

  private *within(element: Element, style: Style, look: Look, outer: Place): Generator<Token> {
    const frame = innerDocument(element);
    const place = isBlock(style) ? inside(outer, element, style) : outer;
    const twin = twinOf(element);
    if (frame) yield* new Walk(frame, this.unread).tokens();
    else if (isFrame(element)) this.unread.push(element);
    else if (twin) yield* this.formula(element, style, twin, look, place);
    else if (element.localName === 'math') yield* parts(element, place);
    else yield* this.content(element, style, look, place);
  }

  private *content(element: Element, style: Style, look: Look, place: Place): Generator<Token> {
    const outer = this.writes;
    const shadow = shadowOf(element);
    if (style.display === 'list-item') yield* generated(this.counters.marker(style.raw.listStyleType), element, place);
    const writes = mayWrite(outer, element);
    if (writes) yield* this.pseudo(element, '::before', look, place);
    if (shadow) this.writes = either(outer, writesOf(shadow));
    yield* this.children(element, look, place, style);
    this.writes = outer;
    if (writes) yield* this.pseudo(element, '::after', look, place);
  }

  private *children(parent: Element, look: Look, place: Place, style?: Style): Generator<Token> {
    for (const node of childrenOf(parent, style)) {
      if (node.nodeType === Node.TEXT_NODE) yield* this.text(node as Text, parent, look, place);
      else if (node.nodeType === Node.ELEMENT_NODE) yield* this.element(node as Element, look, place);
    }
  }

  private *text(node: Text, parent: Element, look: Look, place: Place): Generator<Token> {
    const isVerbatim = /[\n\r]/.test(node.data) && keepsLines(parent);
    const token = { node, text: node.data, from: 0, parent, place, isVerbatim, first: null, last: null };
    if (node.data.trim() === '') {
      yield { ...token, isSeen: () => true };
      return;
    }
    for (const part of this.sight.partsOf(node, parent, look)) {
      yield { ...token, ...part, text: node.data.slice(part.from, part.to) };
    }
  }

  private *pseudo(element: Element, pseudo: Pseudo, look: Look, place: Place): Generator<Token> {
    yield* generated(generatedText(element, pseudo, this.counters, (style) => this.sight.isStyleSeen(style, look)), element, place);
  }

  private *formula(element: Element, style: Style, twin: Element, look: Look, place: Place): Generator<Token> {
    const drawn = [...this.content(element, style, look, place)];
    const painted = drawn.filter((token) => token.isSeen()).map((token) => token.text).join('');
    if (isSameFormula([...partsOf(twin)], painted)) yield* parts(twin, place);
    else yield* drawn;
  }

  private count(element: Element, style: Style): void {
    if (style.display === 'none') return;
    if (LISTS.has(element.tagName)) this.counters.enterList(element);
    if (style.display === 'list-item') this.counters.enterItem(element);
    if (this.writes.counters) this.counters.enter(element.parentNode, style.raw);
  }
}

const LISTS = new Set(['OL', 'UL', 'MENU']);

function* parts(math: Element, place: Place): Generator<Token> {
  for (const part of partsOf(math)) {
    if (typeof part === 'string') yield written(part, math, place);
    else yield { ...written(part.data.trim(), math, place), node: part, from: part.data.length - part.data.trimStart().length };
  }
}

function* generated(text: string, parent: Element, place: Place): Generator<Token> {
  if (text !== '') yield written(text, parent, place);
}

function written(text: string, parent: Element, place: Place): Token {
  return { node: null, text, from: 0, parent, place, isVerbatim: false, first: null, last: null, isSeen: () => true };
}

function keepsLines(parent: Element): boolean {
  return /pre|break-spaces/.test(getComputedStyle(parent).whiteSpace);
}
