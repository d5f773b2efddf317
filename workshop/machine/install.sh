# sh install.sh PACKAGE: install a Debian package that holds a server, without its service. As root.
# One script, so that the policy file goes away however the script ends.
# Debian starts and enables its own service; the course wants only the binaries.
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
mark='# celery-django-course: no service is started'

# One of these at a time: `apt-get update` does not wait for another's lock, whatever its options.
exec 9</var/lib/dpkg
flock -w 600 9 || { echo "another installation of the course has not ended within 10 minutes"; exit 1; }

leave_off() {
    if [ -d /run/systemd/system ]; then systemctl disable "$1"
    elif command -v update-rc.d >/dev/null; then update-rc.d "$1" disable
    fi
}

trap 'leave_off "$1" || true; exit 130' INT TERM HUP  # by then, apt-get may have installed it
if [ ! -e $policy ] || grep -qF "$mark" $policy; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\n%s\nexit 101\n' "$mark" > $policy
    chmod 755 $policy
fi
# These two may fail, for example because the system is updating itself. If it matters, the
# installation fails too; it waits for the system's lock.
dpkg --configure -a 9<&- || true
apt-get update -q 9<&- || true
apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 "$1" 9<&-
leave_off "$1"
