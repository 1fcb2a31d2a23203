#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
#
# Runs inside the fresh Debian of test_installed.py, with a systemd that runs: installs, uses,
# upgrades, removes and purges the packages of /packages. Says "ok WHAT" or "not ok WHAT: ..." per
# step, to standard output.
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

say() { # what, command...: ok when it succeeds
    what=$1
    shift
    if output=$("$@" 2>&1); then
        echo "ok $what"
    else
        echo "not ok $what: $(echo "$output" | tail -n 5 | tr '\n' '~')"
    fi
}

gone() { [ ! -e "$1" ] && [ ! -L "$1" ]; }
is_active() { [ "$(systemctl is-active roostd)" = active ]; }
is_away() { [ "$(systemctl is-active roostd)" != active ]; }
property() { systemctl show -P "$1" roostd; }
send() { roost --as bob send alice "$1"; }
install_all() { apt-get install -y --allow-downgrades "$1"/*.deb; }
is_version() { [ "$(dpkg-query -W -f '${Version}' roost-daemon)" = "$1" ]; }

receive() { # text: the next message is that one
    python3 - "$1" <<'PYTHON'
import sys, roost
with roost.connect(peer="alice") as alice:
    inbox = alice.attach()
    message = inbox.receive(timeout=20)
    assert message.text == sys.argv[1], message.text
    message.ack()
    inbox.confirm()
PYTHON
}

wait_for() { # command...: until it succeeds, at most 30 s
    count=0
    until "$@"; do
        count=$((count + 1))
        [ $count -lt 150 ] || return 1
        sleep 0.2
    done
}

limits() { # what the kernel says of the process
    status=/proc/$(property MainPID)/status
    grep -q '^Seccomp:.2$' "$status" && grep -q '^CapBnd:.0*$' "$status" &&
        grep -q '^NoNewPrivs:.1$' "$status" && ! grep -q '^Uid:.0' "$status"
}

reload() {
    systemctl reload roostd && wait_for sh -c 'journalctl -u roostd | grep -q configuration-read' &&
        is_active
}

kept_setting() { grep -q '^level = debug$' /etc/roost/roost.conf; }
change_setting() { sed -i 's/^#level = .*/level = debug/' /etc/roost/roost.conf && kept_setting; }

hang() { # the daemon is stopped as if it hung: the watchdog brings it back
    mkdir -p /etc/systemd/system/roostd.service.d
    printf '[Service]\nWatchdogSec=3\n' >/etc/systemd/system/roostd.service.d/short.conf
    systemctl daemon-reload && systemctl restart roostd
    before=$(property MainPID)
    [ "$before" -gt 1 ] || return 1
    kill -STOP "$before"
    wait_for sh -c "[ \"\$(systemctl show -P MainPID roostd)\" != $before ] && systemctl is-active -q roostd"
    result=$?
    rm -r /etc/systemd/system/roostd.service.d
    systemctl daemon-reload
    return $result
}

old=$(dpkg-deb -f /packages/old/roost-daemon_*.deb Version)
new=$(dpkg-deb -f /packages/new/roost-daemon_*.deb Version)

say "the older version is installed" install_all /packages/old
is_version "$old" || exit 1
say "its service runs" is_active
say "and will after a start of the machine" systemctl is-enabled roostd
say "its data is in /var/lib/roost" test -s /var/lib/roost/roost.db
say "under the limits of the unit" limits
say "a message is sent" send before
say "the configuration is read again" reload
say "the configuration is changed" change_setting
pid=$(property MainPID)

say "the newer version is installed over it" install_all /packages/new
say "it is the newer one" is_version "$new"
say "the changed configuration is kept" kept_setting
say "the service was restarted" test "$(property MainPID)" != "$pid"
say "and runs" is_active
say "the message is still there" receive before
say "what hangs is started again" hang
say "a message is sent after that" send after

say "the daemon is removed" apt-get remove -y roost-daemon
say "it does not run any more" is_away
say "its program is gone" gone /usr/sbin/roostd
say "its data is kept" test -s /var/lib/private/roost/roost.db
say "its configuration is kept" test -e /etc/roost/roost.conf
say "it is installed again" install_all /packages/new
say "and runs again" is_active
say "with the data there was" receive after

say "all is purged" apt-get purge -y roost-daemon roost libroost0 libroost-dev python3-roost
say "it does not run after that" is_away
say "the data is gone" gone /var/lib/private/roost
say "and the link to it" gone /var/lib/roost
say "the configuration is gone" gone /etc/roost
say "nothing of systemd is left" gone /etc/systemd/system/multi-user.target.wants/roostd.service
say "nor what it remembers" sh -c '! ls /var/lib/systemd/deb-systemd-helper-*/*roost* 2>/dev/null'
say "nor a compiled file" gone /usr/lib/python3/dist-packages/roost
echo "done"
