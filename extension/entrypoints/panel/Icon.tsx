// The few line icons of the panel, drawn as SVG nodes. Called by the components; knows shapes only.

const PATHS = {
  close: 'M4 4l8 8M12 4l-8 8',
  chevron: 'M4 6l4 4 4-4',
  plus: 'M8 3v10M3 8h10',
  fold: 'M3 3v10M13 8H6M9 5L6 8l3 3',
  more: 'M2.9 8a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0M7.4 8a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0M11.9 8a.6.6 0 1 0 1.2 0a.6.6 0 1 0-1.2 0',
  check: 'M3 8.5l3.2 3.2L13 5',
  cross: 'M4.5 4.5l7 7M11.5 4.5l-7 7',
  send: 'M8 13V3M3.5 7.5L8 3l4.5 4.5',
  stop: 'M5 5h6v6H5z',
  copy: 'M5.5 5.5h7v8h-7zM3.5 10.5v-8h7',
  clock: 'M8 2.2a5.8 5.8 0 1 0 0 11.6a5.8 5.8 0 1 0 0-11.6M8 5v3.2l2.2 1.5',
  mask: 'M1.8 6.2c2-.9 4-.9 6.2 0 2.2-.9 4.2-.9 6.2 0 0 3.4-1.3 5-3.3 5-1.4 0-2-1.3-2.9-1.3S6.5 11.2 5.1 11.2c-2 0-3.3-1.6-3.3-5zM4.6 7.9h1.6M9.8 7.9h1.6',
  star: 'M8 2.2l1.75 3.6 3.95.55-2.87 2.77.7 3.93L8 11.2l-3.53 1.85.7-3.93L2.3 6.35l3.95-.55z',
  edit: 'M3 13l.7-3L11 2.8l2.2 2.2L6 12.3zM9.7 4.2l2.2 2.2',
  thumbUp: 'M2.5 7.5h2.2v6H2.5zM4.7 7.7L7.5 2.5c1 0 1.6.7 1.5 1.6L8.7 6.5h3.6c.9 0 1.5.8 1.3 1.6l-1 4.2c-.2.7-.8 1.2-1.5 1.2H4.7',
  thumbDown: 'M2.5 8.5h2.2v-6H2.5zM4.7 8.3l2.8 5.2c1 0 1.6-.7 1.5-1.6l-.3-2.4h3.6c.9 0 1.5-.8 1.3-1.6l-1-4.2c-.2-.7-.8-1.2-1.5-1.2H4.7',
  previous: 'M10 4L6 8l4 4',
  next: 'M6 4l4 4-4 4',
  others: 'M5.5 7.5a2.2 2.2 0 1 0 0-4.4a2.2 2.2 0 1 0 0 4.4M1.8 13c0-2.2 1.6-3.5 3.7-3.5S9.2 10.8 9.2 13M10.3 3.3a2.2 2.2 0 0 1 0 4.1M11.5 9.8c1.7.4 2.7 1.5 2.7 3.2',
  page: 'M4 2.5h5.5L12 5v8.5H4zM9.5 2.5V5H12',
  again: 'M3 8a5 5 0 0 1 9-3l1 1M13 2.5V6H9.5M13 8a5 5 0 0 1-9 3l-1-1M3 13.5V10h3.5',
} as const;

// Of categories: the names that `icon` in category.toml may have.
const CATEGORY_PATHS: Record<string, string> = {
  scale: 'M8 2.5v11M5 13.5h6M3 4.5h10M3 4.5L1.5 9h3zM13 4.5L11.5 9h3z',
  heart: 'M8 13.5C3.5 10.5 2 8.3 2 6.2 2 4.4 3.3 3 5 3c1.3 0 2.3.7 3 1.8C8.7 3.7 9.7 3 11 3c1.7 0 3 1.4 3 3.2 0 2.1-1.5 4.3-6 7.3z',
  coins: 'M2.5 5a3.5 1.8 0 1 0 7 0a3.5 1.8 0 1 0-7 0M2.5 5v5.5c0 1 1.6 1.8 3.5 1.8M9.5 5v2.5M6.5 9.5a3.5 1.8 0 1 0 7 0a3.5 1.8 0 1 0-7 0M6.5 9.5v2.7c0 1 1.6 1.8 3.5 1.8s3.5-.8 3.5-1.8V9.5',
  megaphone: 'M2.5 6.5v3l2 .3 7.5 3V3.2l-7.5 3zM5 10l.8 3.5h1.7L7 10.6M14 6.8v2.4',
  headset: 'M3 9.5V8a5 5 0 0 1 10 0v1.5M3 9v3h2V9zM11 9v3h2V9zM13 12c0 1.3-1.5 2-4 2',
  flask: 'M6 2.5h4M6.5 2.5v4L3 12.3c-.4.7.1 1.5.9 1.5h8.2c.8 0 1.3-.8.9-1.5L9.5 6.5v-4M4.8 9.5h6.4',
  pen: 'M3 13l.7-3L11 2.8l2.2 2.2L6 12.3zM9.7 4.2l2.2 2.2',
  code: 'M5 4.5L1.5 8 5 11.5M11 4.5L14.5 8 11 11.5M9 3L7 13',
  shield: 'M8 2l5 1.8v4C13 11 10.8 13 8 14c-2.8-1-5-3-5-6.2v-4zM5.8 8l1.6 1.6L10.4 6.5',
  'graduation-cap': 'M1.5 6L8 3l6.5 3L8 9zM4.5 7.5v3.3c2 1.6 5 1.6 7 0V7.5M14.5 6v4',
  briefcase: 'M2 5.5h12v7.5H2zM5.5 5.5V3.3h5v2.2M2 9h12',
  chart: 'M2.5 2.5v11h11M5 10.5l2.5-3 2 1.7L13 5',
  cart: 'M1.5 3h2l1.8 7h6.9l1.5-5H4.2M6 13.2h.1M11.5 13.2h.1',
  plane: 'M14 2L7 9M14 2L9.5 14 7 9 2 6.5z',
  newspaper: 'M2.5 3h9v9.2c0 .7.6 1.2 1.2 1.2H4c-.9 0-1.5-.6-1.5-1.5zM11.5 6H14v6.2c0 .7-.6 1.2-1.2 1.2M5 5.5h4v2H5zM5 9.5h4M5 11.3h4',
  home: 'M2 7.5L8 2.5l6 5M3.8 6.5v7h8.4v-7M6.7 13.5v-4h2.6v4',
  sparkles: 'M7 3l1.2 3.3L11.5 7.5 8.2 8.7 7 12 5.8 8.7 2.5 7.5l3.3-1.2zM12.5 2v3M11 3.5h3M12.5 11v2.5M11.2 12.3h2.6',
};

export type IconName = keyof typeof PATHS | 'starred';

export function Icon({ name }: { name: IconName }) {
  return name === 'starred' ? <Lines path={PATHS.star} isFilled /> : <Lines path={PATHS[name]} />;
}

/** Of a category; nothing for a name that is not known. */
export function CategoryIcon({ name }: { name: string }) {
  const path = Object.hasOwn(CATEGORY_PATHS, name) ? CATEGORY_PATHS[name] : undefined;
  return path ? <Lines path={path} /> : null;
}

function Lines({ path, isFilled = false }: { path: string; isFilled?: boolean }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={path} fill={isFilled ? 'currentColor' : 'none'} stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
