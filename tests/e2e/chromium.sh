#!/bin/sh
# Finds or installs a Chromium for the end-to-end tests: Debian's package when root, else Playwright's own build.
set -e
for candidate in "$RETINUE_CHROMIUM" /usr/bin/chromium /usr/bin/chromium-browser; do
  [ -n "$candidate" ] && [ -x "$candidate" ] && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
else
  (cd extension && npx --no-install playwright-core install chromium)
fi
