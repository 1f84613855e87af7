// Which elements a person can see. Called by blocks. Knows styles and boxes, nothing of what the text means.

const NEVER_TEXT = new Set([
  'SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'TEXTAREA', 'SELECT', 'SVG', 'CANVAS', 'IFRAME', 'OBJECT', 'VIDEO', 'AUDIO', 'INPUT',
  'RETINUE-SIDEBAR',
]);

/** True when the element and everything in it are invisible, or never hold text for reading. */
export function isHidden(element: Element): boolean {
  if (NEVER_TEXT.has(element.tagName.toUpperCase())) return true;
  if (element.getAttribute('aria-hidden') === 'true' || (element as HTMLElement).hidden === true) return true;
  if (element.parentElement?.tagName === 'DETAILS' && element.tagName !== 'SUMMARY' && !element.parentElement.hasAttribute('open')) return true;
  const style = getComputedStyle(element);
  if (style.display === 'none' || style.contentVisibility === 'hidden') return true;
  if (Number.parseFloat(style.opacity || '1') < 0.1) return true;
  return isTiny(style) || isClipped(element, style);
}

/** `visibility` alone can be undone by a child, so it is asked of the text's own parent. */
export function isInvisibleText(parent: Element): boolean {
  const { visibility, color } = getComputedStyle(parent);
  return visibility === 'hidden' || visibility === 'collapse' || /^rgba\(.*,\s*0\)$/.test(color);
}

function isTiny(style: CSSStyleDeclaration): boolean {
  const size = Number.parseFloat(style.fontSize);
  return Number.isFinite(size) && style.fontSize.endsWith('px') && size < 2;
}

/** Screen-reader-only text: cut to nothing, or moved out of the page. */
function isClipped(element: Element, style: CSSStyleDeclaration): boolean {
  if (style.position !== 'absolute' && style.position !== 'fixed' && !isCutOff(style)) return false;
  // oxlint-disable-next-line typescript/no-deprecated -- pages still hide text with it
  if (/^rect\((0|1)(px)?,? *(0|1)(px)?,? *(0|1)(px)?,? *(0|1)(px)?\)$/.test(style.clip)) return true;
  if (/^inset\((50|100)%/.test(style.clipPath)) return true;
  if (/^-\d{4,}px$/.test(style.left) || /^-\d{4,}px$/.test(style.top) || /^-\d{4,}px$/.test(style.textIndent)) return true;
  if (isCutOff(style) && (isNothing(style.width) || isNothing(style.height))) return true;
  const box = element.getBoundingClientRect();
  if (box.width === 0 && box.height === 0) return false; // no layout here (display: contents, or a test)
  return box.right + scrollX <= 0 || box.bottom + scrollY <= 0;
}

function isCutOff(style: CSSStyleDeclaration): boolean {
  return /hidden|clip/.test(style.overflow);
}

function isNothing(length: string): boolean {
  return /^[01](px)?$/.test(length);
}
