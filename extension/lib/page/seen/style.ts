// The computed values of an element that several questions ask for, read once: each reading costs a microsecond. Called by walk.
// Holds values only; what they mean is decided elsewhere.

export interface Style {
  /** For what is asked once or seldom. */
  raw: CSSStyleDeclaration;
  display: string;
  position: string;
  overflow: string;
  transform: string;
  filter: string;
}

export function styleOf(element: Element): Style {
  const raw = getComputedStyle(element);
  const { display, position, overflow, transform, filter } = raw;
  return { raw, display, position, overflow, transform: transform || 'none', filter: filter || 'none' };
}
