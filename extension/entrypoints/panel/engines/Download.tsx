// What a download costs, for the user to agree to; then how far it is, stop, go on, discard. Called by Bases.
import { useEffect, useRef } from 'preact/hooks';
import type { BaseOffered, BasePulled } from '../../../lib/connection/protocol.ts';
import { errorWords, t } from '../../../lib/words.ts';
import type { Engines } from './engines.ts';
import { bytes } from './sizes.ts';

export function Offer({ engines, offer }: { engines: Engines; offer: BaseOffered }) {
  const agree = useRef<HTMLButtonElement>(null);
  useEffect(() => agree.current?.focus(), [offer]);
  const licence = offer.licence === 'unknown' ? t('enginesLicenceUnknown') : offer.licence;
  return (
    <div class="engines-card" role="group" aria-labelledby="engines-offer">
      <p id="engines-offer">{t('enginesOffer', bytes(offer.bytes), offer.source, licence)}</p>
      <div class="engines-acts">
        <button type="button" class="primary" ref={agree} onClick={() => void engines.pull(offer)}>{t('enginesDownload', offer.name)}</button>
        <button type="button" class="action" onClick={engines.decline}>{t('enginesDecline')}</button>
      </div>
    </div>
  );
}

export function Download({ engines, pulled }: { engines: Engines; pulled: BasePulled }) {
  const { name, phase, bytes_done: done, bytes_total: total, code, message } = pulled;
  const isStopped = phase === 'stopped';
  const words = isStopped ? t('enginesStopped', name) : t(phase === 'converting' ? 'enginesConverting' : 'enginesDownloading', name);
  return (
    <div class="engines-card">
      <p role="status">{words}</p>
      {isStopped && code && <p class="engines-trouble">{errorWords(code, message ?? '')}</p>}
      <div class="engines-way">
        <progress max={total} value={phase === 'converting' ? undefined : done} aria-label={words} />
        <span class="training-distance">{t('memoryOf', bytes(done), bytes(total))}</span>
      </div>
      <div class="engines-acts">
        {isStopped && <button type="button" class="primary" onClick={() => void engines.pull(pulled)}>{t('enginesGoOn')}</button>}
        <button type="button" class="action" onClick={() => void engines.stopPull()}>{t(isStopped ? 'enginesDiscard' : 'enginesStop')}</button>
      </div>
    </div>
  );
}
