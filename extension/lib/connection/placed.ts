// Stamps what is taught, and what is asked about engines, with the place of the panel that asks, which only the background knows
// for certain. Called by background. Nothing of it leaves a panel inside a web page: the page could have placed the click. The
// server refuses it once more.
import type { Host } from '../invitations.ts';
import type { FromPanel } from './messages.ts';
import type { ClientFrame } from './protocol.ts';

type Placed = Extract<ClientFrame, { place?: unknown }>;

/** The compiler asks for every frame that has a place. */
const HAS_PLACE: Record<Placed['type'], true> = {
  'train.start': true, 'train.cancel': true, 'turn.rate': true, 'corrections.list': true, 'correction.check': true,
  'correction.keep': true, 'correction.change': true, 'correction.delete': true, 'adapters.list': true, 'adapter.restore': true,
  'engine.show': true, 'engine.use': true, 'engine.test': true, 'engine.connect': true, 'base.offer': true, 'base.pull': true, 'base.cancel': true,
};

/** The message to pass on; null when it is not to be passed on. What the panel itself says of its place counts for nothing. */
export function placed(message: FromPanel, host: Host): FromPanel | null {
  if (message.kind !== 'frame' || !hasPlace(message.frame)) return message;
  return host === 'page' ? null : { ...message, frame: { ...message.frame, place: host } };
}

function hasPlace(frame: ClientFrame): frame is Placed {
  return Object.hasOwn(HAS_PLACE, frame.type);
}
