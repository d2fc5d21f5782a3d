#!/bin/sh
# Install Debian packages for their programs only: no service is started, now or at boot, and none that runs is touched.
# Usage, as root: debian-packages.sh PACKAGE…
set -eu
policy=/usr/sbin/policy-rc.d
mark='# written by debian-packages.sh while it installs; may be removed'

# Maintainer scripts ask this file before they start anything; 101 means "do not".
# https://manpages.debian.org/bookworm/init-system-helpers/invoke-rc.d.8.en.html
if [ ! -e "$policy" ] || grep -qF "$mark" "$policy"; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" > "$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
options='-y -q --no-install-recommends -o DPkg::Lock::Timeout=300'
# shellcheck disable=SC2086
apt-get install $options "$@" || { apt-get update -q && apt-get install $options "$@"; }

if [ -d /run/systemd/system ]; then
  for package in "$@"; do
    if systemctl cat "$package.service" > /dev/null 2>&1; then systemctl disable --quiet "$package.service"; fi
  done
fi
