// The sidebar's elements, in a closed shadow root of one host element. Called by the sidebar. Knows no behaviour.
import { t } from '../words.ts';
import { STYLE } from './style.ts';

export interface Parts {
  host: HTMLElement;
  box: HTMLElement;
  card: HTMLElement;
  handle: HTMLElement;
  grip: HTMLElement;
  edge: HTMLElement;
  frame: HTMLIFrameElement;
}

// Inline and important: nothing in the page's style sheets outranks it.
const HOST_STYLE = { all: 'initial', position: 'fixed', inset: '0', width: '100vw', height: '100vh', 'max-width': 'none', 'max-height': 'none', border: '0', padding: '0', margin: '0', background: 'none', overflow: 'visible', display: 'block', 'pointer-events': 'none', 'z-index': '2147483647' };

export function makeParts(source: string): Parts {
  const host = document.createElement('retinue-sidebar');
  for (const [name, value] of Object.entries(HOST_STYLE)) host.style.setProperty(name, value, 'important');
  host.popover = 'manual';
  const root = host.attachShadow({ mode: 'closed' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  const [box, card, handle, grip, edge] = [part('div', 'box'), part('div', 'card'), part('div', 'handle'), part('button', 'grip'), part('button', 'edge')];
  const frame = frameOf(source);
  handle.setAttribute('role', 'separator');
  handle.tabIndex = 0;
  grip.setAttribute('aria-label', t('grip'));
  edge.setAttribute('aria-label', t('unfold'));
  edge.title = t('unfold');
  card.append(handle, grip, frame);
  box.append(card, edge);
  root.append(box);
  return { host, box, card, handle, grip, edge, frame };
}

function frameOf(source: string): HTMLIFrameElement & { credentialless?: boolean } {
  const frame: HTMLIFrameElement & { credentialless?: boolean } = document.createElement('iframe');
  frame.title = t('name');
  frame.allow = 'clipboard-write *'; // by default for the address alone, and that is a passing one
  frame.credentialless = true; // else a page with COEP refuses the dynamic address
  frame.src = source;
  return frame;
}

function part(tag: 'div' | 'button', className: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  if (made instanceof HTMLButtonElement) made.type = 'button';
  return made;
}
