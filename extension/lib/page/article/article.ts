// Which blocks belong to the article, by running Readability on an outline of what a person sees. Called by the article script.
// Never touches the page: the outline is a document of its own, with the blocks' text and the boxes around it.
import { Readability } from '@mozilla/readability';
import type { Block } from '../block.ts';
import { contentOf } from './content.ts';
import { parentOf } from '../rendered/nodes.ts';

const TAG = 'data-retinue';
const OUTLINE_BLOCKS_MAX = 600;
/** An article that reaches this close to the end of the outline goes on behind it. */
const TAIL_BLOCKS = 20;
const WRAPPERS = new Set(['SPAN', 'B', 'I', 'U', 'EM', 'STRONG', 'MARK', 'SMALL', 'CODE', 'SUB', 'SUP', 'FONT', 'ABBR', 'TIME', 'CITE', 'Q', 'LABEL', 'SLOT']);
const COPIED = ['id', 'class', 'role', 'rel', 'itemprop'];

/** For each block whether it is part of the article; null when there is none. */
export function articleOf(document: Document, blocks: readonly Block[]): boolean[] | null {
  const outline = new Outline(document);
  const outlined = blocks.slice(0, OUTLINE_BLOCKS_MAX);
  outlined.forEach((block) => outline.add(block));
  const kept = outline.kept();
  if (!kept) return null;
  const isKept = outlined.map((block) => outline.boxesOf(block).some((box) => kept.has(box)));
  const last = isKept.lastIndexOf(true);
  if (last < 0) return null;
  const isCertain = last >= outlined.length - TAIL_BLOCKS ? blocks.map((_block, i) => i >= outlined.length || isKept[i] === true) : isKept;
  return contentOf(blocks, isCertain);
}

class Outline {
  private readonly copy: Document;
  private readonly boxes = new Map<Element, Element>();
  private readonly live: Element[] = [];

  constructor(private readonly document: Document) {
    this.copy = document.implementation.createHTMLDocument(document.title);
  }

  add(block: Block): void {
    if (block.pieces.length === 0) this.box(block.element).append(block.text);
    let at = 0;
    for (const [i, piece] of block.pieces.entries()) {
      const end = block.pieces[i + 1]?.at ?? block.text.length;
      this.box(this.wrapperOf(piece.node)).append(block.text.slice(at, end));
      at = end;
    }
  }

  /** The live elements whose text is in the block. */
  boxesOf(block: Block): Element[] {
    return block.pieces.length === 0 ? [block.element] : [...new Set(block.pieces.map((piece) => this.wrapperOf(piece.node)))];
  }

  /** The live elements whose text Readability kept. */
  kept(): Set<Element> | null {
    const content = parse(this.copy);
    if (!content) return null;
    const elements = new Set<Element>();
    const walker = content.ownerDocument.createTreeWalker(content, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      if ((walker.currentNode.textContent ?? '').trim() === '') continue;
      const tagged = walker.currentNode.parentElement?.closest(`[${TAG}]`);
      const element = tagged && this.live[Number(tagged.getAttribute(TAG))];
      if (element) elements.add(element);
    }
    return elements.size > 0 ? elements : null;
  }

  private wrapperOf(node: Node): Element {
    let parent = parentOf(node);
    while (parent && WRAPPERS.has(parent.tagName)) parent = parentOf(parent);
    return parent ?? this.document.body;
  }

  private box(element: Element): Element {
    const known = this.boxes.get(element);
    if (known) return known;
    const outer = this.outerOf(element);
    const box = outer ? this.copy.createElement(/^[a-z]+[1-6]?$/.test(element.localName) ? element.localName : 'div') : this.copy.body;
    for (const name of COPIED) if (element.hasAttribute(name)) box.setAttribute(name, element.getAttribute(name) ?? '');
    box.setAttribute(TAG, String(this.live.push(element) - 1));
    if (outer) this.box(outer).append(box);
    this.boxes.set(element, box);
    return box;
  }

  private outerOf(element: Element): Element | null {
    if (element === this.document.body) return null;
    const parent = parentOf(element);
    if (parent && parent.tagName !== 'HTML') return parent;
    const frame = element.ownerDocument.defaultView?.frameElement;
    return frame ? parentOf(frame) : null;
  }
}

function parse(copy: Document): Element | null {
  try {
    const serializer = (node: Node): Element => node as Element;
    return new Readability<Element>(copy, { serializer, charThreshold: 200, disableJSONLD: true }).parse()?.content ?? null;
  } catch {
    return null; // a page too odd for Readability is read whole
  }
}
