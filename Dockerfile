# Two images: `lab` is the whole course, `stack` only the project of its newest stage.
# A mirror, or another Debian: docker build --build-arg BASE=debian:13-slim .
ARG BASE=debian:12-slim

FROM ${BASE} AS python
ENV LANG=C.UTF-8 PYTHONUNBUFFERED=1 PATH=/opt/venv/bin:$PATH
# uv brings its own certificates; those of a company's network are in the system's store
ENV UV_SYSTEM_CERTS=1
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 tini \
    && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["tini", "--"]


# --- what is needed only to install: pip, uv and their caches ----------------------------------
FROM python AS installer
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv
WORKDIR /course
# The packages depend only on these files, so a change in a notebook does not reinstall them.
COPY requirements.txt pyproject.toml ./

FROM installer AS lab-packages
ENV COURSE_VENV=/opt/venv
COPY workshop/__init__.py workshop/
COPY workshop/broker/__init__.py workshop/broker/binaries.py workshop/broker/
COPY workshop/machine/__init__.py workshop/machine/environment.py workshop/machine/
COPY tools/bootstrap.py tools/
RUN python3 tools/bootstrap.py --packages \
    && uv pip uninstall --python /opt/venv pip setuptools uv \
    && find /opt/venv -name '*.map' -delete \
    && find /opt/venv -name __pycache__ -prune -exec rm -r {} +

FROM installer AS stack-packages
RUN python3 -m venv /tmp/uv && /tmp/uv/bin/pip install -q uv \
    && grep -v '^-e' requirements.txt > /tmp/locked.txt \
    && uv=/tmp/uv/bin/uv && $uv venv -q /opt/venv \
    && $uv pip install -q --python /opt/venv -c /tmp/locked.txt --group stack --compile-bytecode


# --- the project of the newest stage, solved, as the overlay lays it out -------------------------
FROM python AS project
COPY workshop /course/workshop
COPY steps /course/steps
COPY solutions /course/solutions
COPY tools/lay_out.py /course/
RUN cd /course && python3 lay_out.py /project
COPY docker/deployed.py /project/celery_testing/


FROM python AS stack
COPY --from=stack-packages /opt/venv /opt/venv
COPY --from=project /project /project
COPY docker/definitions.py docker/definitions.json /
RUN useradd --uid 1000 --create-home stack && mkdir /definitions && chown stack /definitions
WORKDIR /project
ENV DJANGO_SETTINGS_MODULE=celery_testing.deployed
RUN DJANGO_SECRET_KEY=none python manage.py collectstatic --no-input -v 0
USER stack


FROM python AS lab
RUN apt-get update \
    && apt-get install -y --no-install-recommends make rabbitmq-server redis-server socat \
    && rm -rf /var/lib/apt/lists/* /var/log/* \
    && useradd --create-home --shell /bin/bash learner
COPY --from=lab-packages /opt/venv /opt/venv
ENV COURSE_VENV=/opt/venv COURSE_BROKER=/home/learner/.rabbitmq SHELL=/bin/bash
# The image leaves out 115 MB of bytecode: what is used is compiled once, into the volume
ENV PYTHONPYCACHEPREFIX=/home/learner/.cache/python
WORKDIR /course
COPY --chown=learner . .
RUN PYTHONDONTWRITEBYTECODE=1 python -c 'from workshop.lab import jupyter; jupyter.disable_news()'
EXPOSE 8888 8000 15672
ENTRYPOINT ["tini", "--", "/course/docker/become.sh"]
CMD ["/course/docker/lab.sh"]
