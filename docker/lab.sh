#!/bin/sh
# The course in a container. Everything in here listens on loopback, as it does without Docker;
# socat lets in what Docker publishes. At the end, the broker stops in an orderly way.
set -eu
inside=$(hostname -i | cut -d ' ' -f 1)
for port in ${COURSE_PORTS:-lab=8888 web=8000 management=15672}; do
    port=${port#*=}
    socat "TCP-LISTEN:$port,bind=$inside,fork,reuseaddr" "TCP:127.0.0.1:$port" 2>/dev/null &
done
workshop lab &
lab=$!
trap 'kill -TERM $lab' INT TERM
wait $lab && ended=0 || ended=$?
if [ $ended -gt 128 ]; then # the signal ended the wait: Lab is still running
    wait $lab && ended=0 || ended=$?
fi
workshop stop
exit $ended
