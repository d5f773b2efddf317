#!/bin/sh
# Become the owner of the checkout, so that files made in desk/ belong to them on the host, too.
# Root stays root if the checkout is root's and nobody else may write to it: in a rootless
# Docker, root is the ordinary user outside.
set -eu
checkout=$(dirname "$(dirname "$(readlink -f "$0")")")
may_write() { setpriv --reuid="$1" --regid="$2" --clear-groups test -w "$checkout"; }

export HOME=/home/learner COURSE_BECAME=1
become=
if [ "$(id -u)" = 0 ]; then
    uid=$(stat -c %u "$checkout") gid=$(stat -c %g "$checkout")
    if [ "$uid" = 0 ]; then # Docker Desktop reports root, too, but lets anybody write
        uid=$(id -u learner) gid=$(id -g learner)
    fi
    if may_write "$uid" "$gid"; then
        groupmod --non-unique --gid "$gid" learner
        usermod --non-unique --uid "$uid" --gid "$gid" learner > /dev/null
        [ "$(stat -c %u:%g $HOME)" = "$uid:$gid" ] || chown -R "$uid:$gid" $HOME
        # what somebody made as root, by `docker compose exec`
        find $HOME "$checkout"/desk -user root -exec chown -h "$uid:$gid" {} + 2> /dev/null || true
        become="setpriv --reuid=$uid --regid=$gid --init-groups"
    else
        echo "· this checkout is root's: so is the course in here"
    fi
fi

# The volume holds one node. If another container uses it, this one makes a separate node. It can
# use the same ports, because no other node runs in this container.
[ -e $HOME/.in-use ] || touch $HOME/.in-use
exec 9<> $HOME/.in-use
if flock --nonblock 9; then
    hostname > $HOME/.in-use
elif [ "$(cat $HOME/.in-use)" != "$(hostname)" ]; then
    export COURSE_BROKER=/tmp/.rabbitmq XDG_CACHE_HOME=/tmp/.cache
fi
exec $become "$@"
