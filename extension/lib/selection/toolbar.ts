// A small toolbar beside a selection: ask the current copilot, explain, summarise. Started by the script selection, in pages where a panel was opened.
// Its buttons only send what to put into the box; where it is off is the background's to know.
import { browser } from 'wxt/browser';
import type { PageMessage, ToolbarView } from '../connection/messages.ts';
import { isWorthAsking, placeOf } from './place.ts';
import { drawToolbar } from './view.ts';

const SELECTION_MAX = 4_000;
const SETTLES_MS = 120;

export function startSelectionToolbar(): void {
  let shown: AbortController | null = null;
  let refused = ''; // a selection whose toolbar was put away
  let timer: ReturnType<typeof setTimeout> | undefined;
  const hide = (): void => shown?.abort();
  const look = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void show(), SETTLES_MS);
  };
  const show = async (): Promise<void> => {
    const text = selected();
    if (!isWorthAsking(text) || text === refused || isEditing()) return;
    const view = await browser.runtime.sendMessage<PageMessage, ToolbarView>({ kind: 'toolbar' }).catch(() => null); // the extension was reloaded
    if (!view || selected() !== text) return;
    hide();
    shown = open(view, text, () => (refused = text));
  };
  const options = { capture: true, passive: true };
  addEventListener('pointerdown', () => (refused = ''), options); // who selects the same words anew wants it
  addEventListener('pointerup', look, options);
  addEventListener('keyup', (event) => (event.shiftKey || event.key === 'Shift' || event.ctrlKey) && look(), options);
  addEventListener('scroll', hide, options);
  addEventListener('resize', hide, options);
  document.addEventListener('selectionchange', () => {
    refused = selected() === refused ? refused : '';
    if (!isWorthAsking(selected())) hide();
  });
}

/** Shows the toolbar until the returned controller aborts; null where there is no room for it. */
function open(view: NonNullable<ToolbarView>, text: string, refuse: () => void): AbortController | null {
  const aborter = new AbortController();
  const { signal } = aborter;
  const dismiss = (): void => {
    refuse();
    aborter.abort();
  };
  const ask = (words: string, isToSend: boolean): void => {
    send({ kind: 'fill', fill: { words, selection: text, copilot: null, isToChoose: false, isToSend } });
    dismiss();
  };
  const turnOff = (where: 'site' | 'everywhere'): void => {
    send({ kind: 'toolbarOff', where });
    dismiss();
  };
  const bar = drawToolbar(view.copilot, { ask, turnOff, dismiss }, signal);
  const range = getSelection()?.rangeCount ? getSelection()?.getRangeAt(0) : undefined;
  const place = placeOf(range ? [...range.getClientRects()] : [], bar.size(), { width: document.documentElement.clientWidth, height: innerHeight });
  if (!place) {
    aborter.abort();
    return null;
  }
  bar.moveTo(place);
  enterWithTab(() => bar.focus(), signal);
  return aborter;
}

/** Tab goes into the toolbar while nothing else has the focus; Escape puts it away. */
function enterWithTab(enter: () => void, signal: AbortSignal): void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Tab' || event.shiftKey || document.activeElement !== document.body) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    enter();
  };
  addEventListener('keydown', onKey, { capture: true, signal });
}

function selected(): string {
  return (getSelection()?.toString() ?? '').trim().slice(0, SELECTION_MAX);
}

/** What a person writes is theirs: no toolbar there. */
function isEditing(): boolean {
  const node = getSelection()?.anchorNode;
  const element = node instanceof Element ? node : node?.parentElement;
  return document.activeElement instanceof HTMLTextAreaElement || (element instanceof HTMLElement && element.isContentEditable);
}

function send(message: PageMessage): void {
  void browser.runtime.sendMessage(message).catch(() => undefined);
}
