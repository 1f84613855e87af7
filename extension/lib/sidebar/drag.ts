// Pulling a part of the sidebar with the pointer, or pushing it with the arrow keys. Called by the sidebar. Knows no layout.

const STEP_PX = 16;
const BIG_STEP_PX = 64;

export interface Pull {
  start(): void;
  /** How far since the start, in px. */
  to(x: number, y: number): void;
  done(): void;
}

/** `marked` has the class `dragging` while the pointer pulls. */
export function makePullable(part: HTMLElement, marked: HTMLElement, pull: Pull): void {
  part.addEventListener('pointerdown', (down) => {
    if (down.button !== 0) return;
    part.setPointerCapture(down.pointerId);
    marked.classList.add('dragging');
    pull.start();
    const move = (event: PointerEvent): void => pull.to(event.clientX - down.clientX, event.clientY - down.clientY);
    part.addEventListener('pointermove', move);
    const end = (): void => {
      part.removeEventListener('pointermove', move);
      marked.classList.remove('dragging');
      pull.done();
    };
    part.addEventListener('lostpointercapture', end, { once: true });
  });
  part.addEventListener('keydown', (event) => {
    const step = stepOf(event);
    if (!step) return;
    event.preventDefault();
    pull.start();
    pull.to(...step);
    pull.done();
  });
}

function stepOf({ key, shiftKey }: KeyboardEvent): [number, number] | null {
  const px = shiftKey ? BIG_STEP_PX : STEP_PX;
  const steps: Record<string, [number, number]> = { ArrowLeft: [-px, 0], ArrowRight: [px, 0], ArrowUp: [0, -px], ArrowDown: [0, px] };
  return steps[key] ?? null;
}
