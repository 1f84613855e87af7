#!/bin/sh
# Finds or installs the browsers of the end-to-end tests. Chromium: Debian's package when root, else Playwright's own
# build. Firefox: Debian's ESR when root; without it the tests in Firefox are skipped, except in CI.
set -e

has() {
  for candidate; do
    [ -n "$candidate" ] && [ -x "$candidate" ] && return 0
  done
  return 1
}

missing=
has "$CHROMIUM" /usr/bin/chromium /usr/bin/chromium-browser || missing=chromium
has "$FIREFOX" /usr/bin/firefox-esr /usr/bin/firefox || missing="$missing firefox-esr"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing fonts-dejavu-core >/dev/null
elif [ "${missing#chromium}" != "$missing" ]; then
  (cd extension && npx --no-install playwright-core install chromium)
fi
