// The bases that are here and those that can be had: switch, look up, agree, follow the download. Called by View.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { BaseHere, BaseSuggestion } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { Download, Offer } from './Download.tsx';
import type { PartProps } from './Now.tsx';
import { bytes, inShort } from './sizes.ts';
import { Trouble } from './Trouble.tsx';

export function Bases({ engines, view, now }: PartProps) {
  const { bases, suggestions, pulled, switching, here, base } = now;
  const isFree = pulled === null && view.lookingUp === null;
  const to = suggestions.filter(({ repo }) => repo !== pulled?.repo);
  return (
    <section class="engines-part" aria-labelledby="engines-bases">
      <h3 class="engines-heading" id="engines-bases">{t('enginesBases')}</h3>
      {bases.length === 0 && <p class="engines-note">{t('enginesNoBases')}</p>}
      <ul class="engines-list">
        {bases.map((one) => (
          <Row key={one.name} name={one.name} about={aboutHere(one)}>
            {here && one.name === base.name
              ? <span class="badge badge-tuned">{t('enginesInUse')}</span>
              : <button type="button" class="action" disabled={switching !== null} aria-label={t('enginesUseBase', one.name)} onClick={() => void engines.use(one.name)}>{t('enginesUse')}</button>}
          </Row>
        ))}
      </ul>
      {pulled && <Download engines={engines} pulled={pulled} />}
      <h4 class="engines-second">{t('enginesMore')}</h4>
      <ul class="engines-list">
        {to.map((one) => (
          <Row key={one.repo} name={one.name} about={aboutSuggested(one)}>
            <button type="button" class="action" disabled={!isFree} aria-label={t('enginesGetBase', one.name)} onClick={() => void engines.lookUp(one.repo)}>{t('enginesGet')}</button>
          </Row>
        ))}
      </ul>
      <LookUp isFree={isFree} lookUp={(repo) => void engines.lookUp(repo)} />
      <p class="engines-switching" role="status">{view.lookingUp !== null && <><span class="pulse" />{t('enginesAsking', view.lookingUp || to[0]?.name || '')}</>}</p>
      {view.offer && <Offer engines={engines} offer={view.offer} />}
      <Trouble words={view.trouble?.part === 'bases' ? view.trouble.words : ''} />
    </section>
  );
}

function Row({ name, about, children }: { name: string; about: string; children: ComponentChildren }) {
  return (
    <li class="engines-row">
      <span class="engines-text"><span class="engines-base"><bdi>{name}</bdi></span><span class="engines-about">{about}</span></span>
      {children}
    </li>
  );
}

/** Any other model of the hub, by its name there. */
function LookUp({ isFree, lookUp }: { isFree: boolean; lookUp: (repo: string) => void }) {
  const [repo, setRepo] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    if (repo.trim()) lookUp(repo.trim());
  };
  return (
    <form class="engines-lookup" onSubmit={submit}>
      <label class="own-label" for="engines-repo">{t('enginesOther')}</label>
      <div class="own-line">
        <input id="engines-repo" class="engines-input" dir="ltr" spellcheck={false} autocomplete="off" placeholder="owner/name" value={repo} onInput={(event) => setRepo(event.currentTarget.value)} aria-describedby="engines-repo-hint" />
        <button type="submit" class="action" disabled={!isFree || repo.trim() === ''}>{t('enginesLookUp')}</button>
      </div>
      <p class="own-hint" id="engines-repo-hint">{t('enginesOtherHint')}</p>
    </form>
  );
}

function aboutHere({ bytes: size, licence, source }: BaseHere): string {
  return [bytes(size), licence === 'unknown' ? '' : licence, source].filter(Boolean).join(' · ');
}

function aboutSuggested({ parameters, bytes: size, licence }: BaseSuggestion): string {
  return [t('enginesParameters', inShort(parameters)), t('enginesAbout', bytes(size)), licence].join(' · ');
}
