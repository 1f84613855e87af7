// The sidebar's frame in the page: a closed shadow root in the top layer, with a handle to resize it. Called by page.
// Knows its own element only; what the panel and the page say to each other passes through `port`.

const WIDTH_MIN = 320;
const WIDTH_MAX = 720;
const WIDTH_START = 400;
export type Side = 'left' | 'right';

export interface Layout {
  width: number;
  side: Side;
}

export interface Sidebar {
  host: HTMLElement;
  frame: HTMLIFrameElement;
  layout: Layout;
  focus(): void;
  flip(): void;
}

const SHEET = `
  .box { position: fixed; inset: 0; display: flex; pointer-events: none; }
  .card { position: relative; pointer-events: auto; height: 100%; box-shadow: 0 0 0 1px rgb(0 0 0 / .08), 0 0 32px rgb(0 0 0 / .14); background: Canvas; color-scheme: light dark; }
  iframe { display: block; width: 100%; height: 100%; border: 0; }
  .handle { position: absolute; top: 0; bottom: 0; width: 9px; cursor: ew-resize; touch-action: none; }
  .handle:hover, .handle:focus-visible, .dragging .handle { background: rgb(27 107 87 / .35); outline: none; }
  .right { left: -4px; } .left { right: -4px; }
  .dragging iframe { pointer-events: none; }`;

/** Puts the sidebar into the page. It covers the page's edge and never squeezes it. `signal` removes it. */
export function openSidebar(source: string, layout: Layout, save: (layout: Layout) => void, signal: AbortSignal): Sidebar {
  const host = document.createElement('retinue-sidebar');
  const important = { all: 'initial', position: 'fixed', inset: '0', width: '100vw', height: '100vh', 'max-width': 'none', 'max-height': 'none', border: '0', padding: '0', margin: '0', background: 'none', overflow: 'visible', display: 'block', 'pointer-events': 'none', 'z-index': '2147483647' };
  for (const [name, value] of Object.entries(important)) host.style.setProperty(name, value, 'important');
  host.popover = 'manual';
  const root = host.attachShadow({ mode: 'closed' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHEET);
  root.adoptedStyleSheets = [sheet];
  const [box, card, handle, frame] = [element('box'), element('card'), element('handle'), document.createElement('iframe')];
  frame.title = 'Retinue';
  frame.allow = 'clipboard-write';
  frame.src = source;
  card.append(frame, handle);
  box.append(card);
  root.append(box);
  const place = (next: Layout): void => {
    Object.assign(layout, { side: next.side, width: clampWidth(next.width) });
    box.style.justifyContent = layout.side === 'right' ? 'flex-end' : 'flex-start';
    card.style.width = `min(${layout.width}px, 100vw)`;
    handle.className = `handle ${layout.side}`;
  };
  place(layout);
  makeResizable(handle, card, (width) => place({ ...layout, width }), () => save(layout), () => layout.side);
  show(host);
  keepOnTop(host, signal);
  signal.addEventListener('abort', () => host.remove(), { once: true });
  const flip = (): void => {
    place({ ...layout, side: layout.side === 'right' ? 'left' : 'right' });
    save(layout);
  };
  return { host, frame, layout, flip, focus: () => frame.focus() };
}

export function clampWidth(width: number): number {
  return Number.isFinite(width) && width > 0 ? Math.round(Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, width))) : WIDTH_START;
}

function element(className: string): HTMLElement {
  const made = document.createElement('div');
  made.className = className;
  return made;
}

function show(host: HTMLElement): void {
  if (!host.isConnected) document.documentElement.append(host);
  try {
    host.hidePopover();
    host.showPopover(); // once more even when open: the last one shown lies on top
  } catch {
    // a document without popovers: the fixed position still shows it
  }
}

function makeResizable(handle: HTMLElement, card: HTMLElement, resize: (width: number) => void, done: () => void, side: () => Side): void {
  handle.addEventListener('pointerdown', (down) => {
    handle.setPointerCapture(down.pointerId);
    card.classList.add('dragging');
    const move = (event: PointerEvent): void => resize(side() === 'right' ? innerWidth - event.clientX : event.clientX);
    handle.addEventListener('pointermove', move);
    handle.addEventListener(
      'lostpointercapture',
      () => {
        handle.removeEventListener('pointermove', move);
        card.classList.remove('dragging');
        done();
      },
      { once: true },
    );
  });
}

/** A modal dialog of the page would make the sidebar inert: move into it, without reloading the frame, and back out again. */
function keepOnTop(host: HTMLElement, signal: AbortSignal): void {
  const follow = (): void => {
    const modals = document.querySelectorAll('dialog:modal');
    const parent = modals[modals.length - 1] ?? document.documentElement;
    if (!host.isConnected || host.parentElement === parent || !('moveBefore' in parent)) return;
    (parent as Element & { moveBefore(node: Node, child: Node | null): void }).moveBefore(host, null);
    show(host);
  };
  const watch = new MutationObserver(follow);
  watch.observe(document.documentElement, { subtree: true, attributes: true, attributeFilter: ['open'] });
  signal.addEventListener('abort', () => watch.disconnect(), { once: true });
}
