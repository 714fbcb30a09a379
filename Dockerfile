# The dispatcher's image: with the geometry libraries it is too large for a zip. `make package` comes first.
ARG PYTHON=3.11
FROM public.ecr.aws/lambda/python:${PYTHON}

COPY build/package/dispatcher-requirements.txt ./
RUN python -m pip install --no-cache-dir --compile --require-hashes --requirement dispatcher-requirements.txt

COPY datapump ./datapump
COPY state_machine ./state_machine
COPY api ./api
RUN python -m compileall -q api datapump state_machine

CMD ["state_machine.handlers.dispatcher"]
