// Which parts of the page the model has read, which were only searched, which were not sent, and which the answer cites. Pure. Called by Coverage.

export type Reach = 'read' | 'searched' | 'unsent';

/** Blocks `first` to `last`, 1-based, all with the same reach. */
export interface Stretch {
  first: number;
  last: number;
  reach: Reach;
  isCited: boolean;
}

/** Blocks of the page: `read` of `sent` by the model, all of `sent` searched; `unsent` more were too much for the server. */
export interface Extent {
  read: number;
  sent: number;
  unsent: number;
}

const STRETCHES_MAX = 60;

/** The page in stretches of about equal length, at most STRETCHES_MAX; none while the page is not read. */
export function stretchesOf({ read, sent, unsent }: Extent, cited: ReadonlySet<number>): Stretch[] {
  const total = sent + unsent;
  const size = Math.ceil(total / (STRETCHES_MAX - 2)); // each of three zones may end with a shorter one
  const zones: [Reach, number, number][] = [['read', 1, read], ['searched', read + 1, sent], ['unsent', sent + 1, total]];
  return zones.flatMap(([reach, from, to]) => {
    const stretches: Stretch[] = [];
    for (let first = from; first <= to; first += size) {
      const last = Math.min(to, first + size - 1);
      stretches.push({ first, last, reach, isCited: [...cited].some((block) => block >= first && block <= last) });
    }
    return stretches;
  });
}

export function citedBlocks(evidence: { passage: { block: number | null } }[]): Set<number> {
  const blocks = evidence.flatMap(({ passage: { block } }) => (block === null ? [] : [block]));
  return new Set(blocks.toSorted((a, b) => a - b));
}
