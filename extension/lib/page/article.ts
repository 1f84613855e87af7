// Which live elements belong to the article, by running Readability on a tagged copy of the page. Called by blocks.
// Never touches the page itself: tags stand on the copy only.
import { Readability } from '@mozilla/readability';

const TAG = 'data-retinue';

/** Elements whose own text Readability kept; null when it finds no article. */
export function articleElements(document: Document): Set<Element> | null {
  const live = [...document.querySelectorAll('*')];
  const copy = document.cloneNode(true) as Document;
  const copied = copy.querySelectorAll('*');
  if (copied.length !== live.length) return null;
  copied.forEach((element, i) => element.setAttribute(TAG, String(i)));
  const kept = parse(copy);
  if (!kept) return null;
  const elements = new Set<Element>();
  const walker = kept.ownerDocument.createTreeWalker(kept, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if ((walker.currentNode.textContent ?? '').trim() === '') continue;
    const tagged = walker.currentNode.parentElement?.closest(`[${TAG}]`);
    const element = tagged && live[Number(tagged.getAttribute(TAG))];
    if (element) elements.add(element);
  }
  return elements.size > 0 ? elements : null;
}

function parse(copy: Document): Element | null {
  try {
    const serializer = (node: Node): Element => node as Element;
    return new Readability<Element>(copy, { serializer, charThreshold: 200, disableJSONLD: true }).parse()?.content ?? null;
  } catch {
    return null; // a page too odd for Readability is read whole
  }
}
