// What went wrong in the words of the extension, by its code, where it has some. Called by the panel's store for what comes in.
// A code without words keeps the server's sentence, which is English.
import { errorWords } from '../words.ts';
import type { LinkView } from './messages.ts';
import type { ServerFrame } from './protocol.ts';

export function inOurWords(frame: ServerFrame): ServerFrame {
  if (frame.type === 'error' || frame.type === 'run.error') return { ...frame, message: errorWords(frame.code, frame.message) };
  if (frame.type === 'train.report' && frame.code !== null) return { ...frame, why: errorWords(frame.code, frame.why) };
  return frame;
}

export function linkInOurWords(link: LinkView): LinkView {
  return { ...link, message: errorWords(link.code, link.message) };
}
