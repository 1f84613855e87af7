// Keeps the sidebar above the page, also above its modal dialogs. Called by the sidebar.

/** Appends the host where it is not yet in the document, and lays it on top of the top layer. */
export function show(host: HTMLElement): void {
  if (!host.isConnected) document.documentElement.append(host);
  try {
    host.hidePopover();
    host.showPopover(); // once more even when open: the last one shown lies on top
  } catch {
    // a document without popovers: the fixed position still shows it
  }
}

/** A modal dialog of the page would make the sidebar inert: move into it, without reloading the frame, and back out again. */
export function keepOnTop(host: HTMLElement, signal: AbortSignal): void {
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
