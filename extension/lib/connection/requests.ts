// Questions to the server that it answers by the name that they were given. Called by history, teaching, one's own copilots and engines.
import type { ClientFrame, Error as ErrorFrame, ServerFrame } from './protocol.ts';

const ANSWER_WITHIN_MS = 10_000;

export type Answer = Exclude<Extract<ServerFrame, { request: string | null }>, ErrorFrame>;
export type AnswerTo<T extends Answer['type']> = Extract<Answer, { type: T }>;
type Asked = Extract<ClientFrame, { request: string }>;
type WithoutRequest<T> = T extends Asked ? Omit<T, 'request'> : never;
export type Request = WithoutRequest<Asked>;

export class Requests {
  private readonly waiting = new Map<string, (answer: Answer | ErrorFrame | null) => void>();

  constructor(private readonly transmit: (frame: ClientFrame) => void) {}

  /** The answer or the refusal; null when none comes in time, or another than was asked for. */
  ask<T extends Answer['type']>(frame: Request, type: T, within_ms = ANSWER_WITHIN_MS): Promise<AnswerTo<T> | ErrorFrame | null> {
    const request = `q${crypto.randomUUID().slice(0, 13)}`;
    return new Promise((resolve) => {
      const settle = (answer: Answer | ErrorFrame | null): void => {
        clearTimeout(timer);
        this.waiting.delete(request);
        resolve(answer?.type === type || answer?.type === 'error' ? (answer as AnswerTo<T> | ErrorFrame) : null);
      };
      const timer = setTimeout(() => settle(null), within_ms);
      this.waiting.set(request, settle);
      this.transmit({ ...frame, request });
    });
  }

  /** True when it was waited for here. */
  take(frame: ServerFrame): boolean {
    const settle = 'request' in frame && frame.request !== null ? this.waiting.get(frame.request) : undefined;
    settle?.(frame as Answer | ErrorFrame);
    return settle !== undefined;
  }
}

export function isRefusal(answer: { type: string } | null): answer is ErrorFrame {
  return answer?.type === 'error';
}
