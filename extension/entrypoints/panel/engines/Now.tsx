// What answers now, what it can do in plain words, what it takes, and how a switch goes. Called by View.
import type { EngineMemory, EngineState } from '../../../lib/connection/protocol.ts';
import { errorWords, number, t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { Engines, EnginesView } from './engines.ts';
import { bytes, inShort } from './sizes.ts';
import { Trouble } from './Trouble.tsx';

export interface PartProps {
  engines: Engines;
  view: EnginesView;
  now: EngineState;
}

export function Now({ engines, view, now }: PartProps) {
  const { base, engine, here, switching, trouble } = now;
  return (
    <section class="engines-part" aria-labelledby="engines-now">
      <h3 class="engines-heading" id="engines-now">{t('enginesNow')}</h3>
      <p class="engines-name"><bdi>{base.name}</bdi></p>
      <p class="engines-note">{[base.parameters > 0 && t('enginesParameters', inShort(base.parameters)), t('enginesContext', number(base.context_tokens))].filter(Boolean).join(' · ')}</p>
      <p class={engine.host ? 'engines-leaves' : 'engines-note'}>{engine.host ? t('enginesLeaves', engine.host) : t(here ? 'enginesHere' : 'enginesServerHere')}</p>
      <p class="engines-switching" role="status">
        {switching && <><span class="pulse" />{t(switching.phase === 'loading' ? 'enginesLoading' : 'enginesEnding', switching.to, base.name)}</>}
      </p>
      {trouble && <Trouble words={t('enginesKept', errorWords(trouble.code, trouble.message), base.name)} />}
      <Trouble words={view.trouble?.part === 'now' ? view.trouble.words : ''} />
      {!here && !now.pinned && hasLocal(now) && (
        <button type="button" class="primary engines-back" disabled={switching !== null} onClick={() => void engines.use(now.local_base)}>{t('enginesBack', now.local_base)}</button>
      )}
      <ul class="engines-can">
        {abilities(now).map(([name, isThere]) => <li key={name} class={isThere ? '' : 'engines-cannot'}><Icon name={isThere ? 'check' : 'cross'} />{t(name)}</li>)}
      </ul>
      <Memory memory={now.memory} />
    </section>
  );
}

function hasLocal({ bases, local_base }: EngineState): boolean {
  return bases.some(({ name }) => name === local_base);
}

/** Names of messages, and whether it is something that this engine can do. */
function abilities({ engine: { adapters, quotes, shares_page, changes_adapters } }: EngineState): [string, boolean][] {
  return [
    adapters === 'none' ? ['canInstructed', false] : ['canTuned', true],
    quotes === 'checked' ? ['canCheckQuotes', false] : ['canQuote', true],
    shares_page ? ['canShare', true] : ['canNotShare', false],
    changes_adapters ? ['canTrain', true] : ['canNotTrain', false],
  ];
}

function Memory({ memory: { process, weights, weight_bits, pages, pages_max, adapters, threads } }: { memory: EngineMemory }) {
  const rows: [string, string | null][] = [
    ['memoryProcess', bytes(process)],
    ['memoryWeights', weights === null ? null : weight_bits === null ? bytes(weights) : t('memoryBits', bytes(weights), weight_bits)],
    ['memoryPages', pages === null || pages_max === null ? null : t('memoryOf', bytes(pages), bytes(pages_max))],
    ['memoryAdapters', adapters === null ? null : bytes(adapters)],
    ['memoryThreads', threads === null ? null : number(threads)],
  ];
  return (
    <dl class="engines-memory" aria-label={t('memory')}>
      {rows.map(([name, value]) => value !== null && <div key={name}><dt>{t(name)}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}
