// Parts of a page that a visible control opens: details, accordions, tabs, `hidden=until-found`. Called by walk, and by scroll to open one.
// A control counts only when a person can see it; what it opens is read as part of the page.

const CLOSED = '[aria-expanded="false"], [role="tab"][aria-selected="false"]';
const STEPS = 'button, [role="button"], [role="tab"]';
const SLIDE_PX_MIN = 100;
const MENUS = '[aria-haspopup]:not([aria-haspopup="false"]), [role="combobox"], [role="menu"] *, [role="menubar"] *, nav *';

/** What opens a hidden element: its `details`, itself (`until-found`) or its control. Null when nothing that is seen does. */
export function openerOf(panel: Element): Element | null {
  const details = panel.parentElement;
  if (details?.tagName === 'DETAILS' && panel.tagName !== 'SUMMARY' && !details.hasAttribute('open')) return details;
  if (panel.getAttribute('hidden') === 'until-found') return panel;
  const control = controlOf(panel);
  return control && isUsable(control) ? control : null;
}

/** True for what waits in a carousel: cut off by a box with buttons, beside a part of the same size that shows. */
export function isWaitingSlide(part: Element, frame: Element, isShown: (box: DOMRect) => boolean): boolean {
  if (!frame.parentElement?.querySelector(STEPS)) return false;
  for (let at: Element | null = part; at && at !== frame; at = at.parentElement) {
    const own = at.getBoundingClientRect();
    const isLike = (box: DOMRect): boolean => own.width > SLIDE_PX_MIN && Math.abs(box.width - own.width) < 2 && Math.abs(box.top - own.top) < 2;
    const others = [...(at.parentElement?.children ?? [])].filter((other) => other !== at).map((other) => other.getBoundingClientRect());
    if (others.some((box) => isLike(box) && isShown(box))) return true;
  }
  return false;
}

/** Opens every closed part around a node. True when there was one. */
export function openAround(node: Node): boolean {
  const closed: Element[] = [];
  for (let at = node.parentElement; at; at = at.parentElement) closed.unshift(at);
  const opened = closed.filter((panel) => openOne(panel));
  return opened.length > 0;
}

function openOne(panel: Element): boolean {
  const opener = openerOf(panel);
  if (!opener) return false;
  if (opener.tagName === 'DETAILS') opener.setAttribute('open', '');
  else if (opener === panel) {
    panel.dispatchEvent(new Event('beforematch', { bubbles: true }));
    panel.removeAttribute('hidden');
  } else (opener as HTMLElement).click();
  return true;
}

function controlOf(panel: Element): Element | null {
  const root = panel.getRootNode() as Document | ShadowRoot;
  const named = /^[^\s"\\]+$/.test(panel.id) ? root.querySelector(`:is(${CLOSED})[aria-controls~="${panel.id}"]`) : null;
  if (named) return named;
  const before = panel.previousElementSibling;
  if (!before || before.querySelectorAll(CLOSED).length > 1) return null;
  const control = before.matches(CLOSED) ? before : before.querySelector(CLOSED);
  return control?.hasAttribute('aria-controls') ? null : control;
}

function isUsable(control: Element): boolean {
  if (control.matches(MENUS) || control.closest('a[href]:not([href^="#"])') || (control as HTMLButtonElement).form) return false;
  if ((control.textContent ?? '').trim() === '') return false;
  const box = control.getBoundingClientRect();
  const isLaidOut = control.ownerDocument.documentElement.clientWidth > 0;
  return !isLaidOut || (box.width > 4 && box.height > 4 && control.checkVisibility({ opacityProperty: true, visibilityProperty: true }));
}
