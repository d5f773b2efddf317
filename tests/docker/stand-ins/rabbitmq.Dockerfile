# What stands in for RabbitMQ's official image where no registry can be reached: Debian's
# package behind the same commands, folders and ports.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends rabbitmq-server \
    && rabbitmq-plugins enable --offline rabbitmq_management \
    && printf '%s\n' '#!/bin/sh' 'set -e' 'chown -R rabbitmq: /var/lib/rabbitmq' \
       'exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "$@"' \
       > /usr/local/bin/docker-entrypoint.sh && chmod 755 /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/rabbitmq/bin:$PATH HOME=/var/lib/rabbitmq LANG=C.UTF-8 RABBITMQ_LOGS=-
EXPOSE 5672 15672
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["rabbitmq-server"]
