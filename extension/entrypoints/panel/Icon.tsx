// The few line icons of the panel, drawn as SVG nodes. Called by the components; knows shapes only.

const PATHS = {
  close: 'M4 4l8 8M12 4l-8 8',
  chevron: 'M4 6l4 4 4-4',
  plus: 'M8 3v10M3 8h10',
  flip: 'M2.5 3.5h11v9h-11zM9.5 3.5v9',
  check: 'M3 8.5l3.2 3.2L13 5',
  cross: 'M4.5 4.5l7 7M11.5 4.5l-7 7',
  send: 'M8 13V3M3.5 7.5L8 3l4.5 4.5',
  stop: 'M5 5h6v6H5z',
  copy: 'M5.5 5.5h7v8h-7zM3.5 10.5v-8h7',
  again: 'M3 8a5 5 0 0 1 9-3l1 1M13 2.5V6H9.5M13 8a5 5 0 0 1-9 3l-1-1M3 13.5V10h3.5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
