// What the injected scripts know of each other. They live in one isolated world, which the page cannot see. Types and one register.
import type { PageAnswer, PageCommand } from '../connection/messages.ts';

/** The page script: reads, shows, clears. */
interface PageScript {
  run(command: PageCommand): Promise<PageAnswer>;
  /** Tells when the page no longer shows what was read. */
  watch(moved: () => void, signal: AbortSignal): void;
}

interface Register {
  page?: PageScript;
  /** Those who wait for the page script: it comes while the panel's frame loads. */
  waiting?: ((page: PageScript) => void)[];
  /** The sidebar's script, where the panel is in the page. */
  sidebar?: {
    run(command: PageCommand): void;
    /** A passage was painted and the page has scrolled to it. */
    uncover(range: Range): void;
  };
}

export function register(): Register {
  const scope = globalThis as { retinue?: Register };
  scope.retinue ??= {};
  return scope.retinue;
}

export function pageScript(): Promise<PageScript> {
  const shared = register();
  return new Promise((resolve) => (shared.page ? resolve(shared.page) : (shared.waiting ??= []).push(resolve)));
}

export function registerPage<P extends PageScript>(page: P): P {
  const shared = register();
  shared.page = page;
  for (const resolve of shared.waiting ?? []) resolve(page);
  delete shared.waiting;
  return page;
}
