// What a key does in the picker: moves, chooses, or marks a favourite. Pure: called by Picker, tested without a browser.

export type KeyAct = { do: 'go' | 'pick' | 'star'; place: number } | null;

const PAGE = 8;
const NUMBERED = 9;

/** `active` of `total` options, counted from 0. Digits choose while the field is empty, and with Alt always. */
export function actOf(event: Pick<KeyboardEvent, 'key' | 'code' | 'altKey' | 'ctrlKey' | 'metaKey' | 'isComposing'>, at: { active: number; total: number; isEmpty: boolean }): KeyAct {
  const { active, total, isEmpty } = at;
  if (total === 0 || event.isComposing || event.ctrlKey || event.metaKey) return null;
  const digit = digitOf(event.code, event.key);
  if (digit !== null && (event.altKey || isEmpty)) return digit <= Math.min(NUMBERED, total) ? { do: 'pick', place: digit - 1 } : null;
  if (event.altKey) return event.code === 'KeyS' ? { do: 'star', place: active } : null;
  const go = (place: number): KeyAct => ({ do: 'go', place: Math.min(total - 1, Math.max(0, place)) });
  switch (event.key) {
    case 'Enter':
      return { do: 'pick', place: active };
    case 'ArrowDown':
      return go(active === total - 1 ? 0 : active + 1);
    case 'ArrowUp':
      return go(active === 0 ? total - 1 : active - 1);
    case 'PageDown':
      return go(active + PAGE);
    case 'PageUp':
      return go(active - PAGE);
    case 'Home':
      return go(0);
    case 'End':
      return go(total - 1);
    default:
      return null;
  }
}

/** The key that chooses an option, told beside it; empty from the tenth on. */
export function digitFor(place: number): string {
  return place < NUMBERED ? String(place + 1) : '';
}

function digitOf(code: string, key: string): number | null {
  const found = /^(?:Digit|Numpad)([1-9])$/.exec(code)?.[1] ?? (/^[1-9]$/.test(key) ? key : null);
  return found === null ? null : Number(found);
}
