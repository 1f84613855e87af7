// Draws the selection toolbar: a closed shadow root in the top layer, buttons that only a person can press. Called by toolbar.
import { direction, t } from '../words.ts';

const SHEET = `
  .bar { color-scheme: light dark; display: flex; flex-wrap: wrap; align-items: center; gap: 2px; width: max-content; max-width: min(560px, calc(100vw - 16px)); padding: 4px; border: 1px solid light-dark(#cfccc4, #45494d); border-radius: 11px; background: light-dark(#fff, #1f2123); color: light-dark(#1d1d1b, #ecebe8); box-shadow: 0 4px 18px rgb(0 0 0 / .18); font: 13px/1.4 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif; }
  button { padding: 5px 10px; border: 0; border-radius: 7px; background: none; color: inherit; font: inherit; cursor: pointer; }
  button:hover { background: light-dark(#f0eee9, #303336); }
  button:focus-visible { outline: 2px solid light-dark(#14624e, #6fcfb2); outline-offset: -1px; }
  .first { color: light-dark(#14624e, #6fcfb2); font-weight: 600; }
  .more { padding-inline: 8px; color: light-dark(#65635d, #a5a49f); }
  [hidden] { display: none; }
  @media (prefers-contrast: more) { .bar { border-color: currentColor; } .first, .more { color: inherit; } }
  .said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }`;

interface Acts {
  ask: (words: string, isToSend: boolean) => void;
  turnOff: (where: 'site' | 'everywhere') => void;
  dismiss: () => void;
}

export interface ToolbarElement {
  size(): { width: number; height: number };
  moveTo(place: { left: number; top: number }): void;
  focus(): void;
}

/** `signal` removes it. */
export function drawToolbar(copilot: string, acts: Acts, signal: AbortSignal): ToolbarElement {
  const host = document.createElement('retinue-toolbar');
  const important = { all: 'initial', position: 'fixed', inset: '0 auto auto 0', margin: '0', padding: '0', border: '0', background: 'none', overflow: 'visible', display: 'block', 'z-index': '2147483647' };
  for (const [name, value] of Object.entries(important)) host.style.setProperty(name, value, 'important');
  host.popover = 'manual';
  const root = host.attachShadow({ mode: 'closed' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHEET);
  root.adoptedStyleSheets = [sheet];
  const bar = element('div', 'bar');
  bar.dir = direction();
  bar.role = 'toolbar';
  bar.ariaLabel = t('toolbar');
  fillBar(bar, copilot, acts);
  const said = element('span', 'said');
  said.role = 'status';
  root.append(bar, said);
  listen(bar, acts.dismiss, signal);
  ([...document.querySelectorAll('dialog:modal')].at(-1) ?? document.documentElement).append(host);
  host.showPopover();
  setTimeout(() => (said.textContent = t('toolbarHint')), 100); // a live region tells only what comes later
  signal.addEventListener('abort', () => host.remove(), { once: true });
  const moveTo = ({ left, top }: { left: number; top: number }): void => host.style.setProperty('inset', `${top}px auto auto ${left}px`, 'important');
  return { size: () => bar.getBoundingClientRect(), moveTo, focus: () => buttonsOf(bar)[0]?.focus() };
}

function fillBar(bar: HTMLElement, copilot: string, { ask, turnOff }: Acts): void {
  const [asks, offs] = [element('span'), element('span')];
  offs.hidden = true;
  const more = button('⋯', 'more', () => {
    [asks.hidden, offs.hidden] = [offs.hidden, asks.hidden];
    more.ariaExpanded = String(!offs.hidden);
  });
  more.ariaLabel = more.title = t('toolbarMore');
  more.ariaExpanded = 'false';
  const starter = (words: string): HTMLElement => button(words, '', (isToSend) => ask(words, isToSend), t('toolbarShift'));
  asks.append(button(t('toolbarAsk', copilot), 'first', () => ask('', false)), starter(t('toolbarExplain')), starter(t('toolbarSummarise')));
  offs.append(button(t('toolbarOffSite'), '', () => turnOff('site')), button(t('toolbarOffAll'), '', () => turnOff('everywhere')));
  bar.append(asks, offs, more);
}

/** Arrow keys move, Escape leaves; pressing the mouse keeps the selection. */
function listen(bar: HTMLElement, dismiss: () => void, signal: AbortSignal): void {
  bar.addEventListener('mousedown', (event) => event.preventDefault());
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') dismiss();
  };
  addEventListener('keydown', onKey, { capture: true, signal });
  bar.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const buttons = buttonsOf(bar);
    const at = buttons.findIndex((one) => one.matches(':focus'));
    buttons.at((at + step * (bar.dir === 'rtl' ? -1 : 1)) % buttons.length)?.focus();
    event.preventDefault();
    event.stopPropagation();
  });
}

function buttonsOf(bar: HTMLElement): HTMLButtonElement[] {
  return [...bar.querySelectorAll('button')].filter((one) => !one.closest('[hidden]'));
}

/** Acts on a person's click alone; a page's script cannot make one. */
function button(words: string, className: string, act: (isShifted: boolean) => void, title = ''): HTMLButtonElement {
  const made = element('button', className);
  made.type = 'button';
  made.textContent = words;
  made.title = title;
  made.addEventListener('click', (event) => void (event.isTrusted && act(event.shiftKey)));
  return made;
}

function element<Name extends 'div' | 'span' | 'button'>(name: Name, className = ''): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  made.className = className;
  return made;
}
