"""Many questions over HTTP: answered at once where they are few, as a job where they are many, and the jobs' addresses."""

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import AsyncIterator
from io import BytesIO
from itertools import chain, islice
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from connectors import errors
from connectors.errors import BeffroiError, CallerError, NotFound, NotGranted, Unauthenticated
from gateway.callers.access import Caller
from gateway.journal import Entry
from gateway.lookups import bulk, incoming, outgoing
from gateway.lookups.bulk import Several
from gateway.lookups.incoming import MEDIA, Form
from gateway.lookups.jobs import ID, KEPT, NONE, About, Job, Jobs, told_of
from gateway.lookups.outgoing import Writer
from gateway.lookups.tending import Tender
from gateway.problems import documented
from gateway.service import Service
from gateway.serving.front import MAX_BODY

FEW = 200
"""Rows that are answered at once; more of them are a job."""

PROBLEMS = documented(errors.Unauthenticated, errors.NotGranted, errors.NotFound, errors.Unavailable)
SECURITY: dict[str, Any] = {"security": [{"token": []}]}
ASYNC, ESCAPED = "respond-async", "formulas=escaped"
"""Preferences of a caller: of RFC 7240 (4.1), and our own."""

NO_STORE = {"Cache-Control": "no-store"}


class Many:
    """What answers many questions at once in this process."""

    def __init__(self, service: Service) -> None:
        """`service` is the gateway's."""
        self.service, self.jobs = service, Jobs(service.workspace.state, service.journal.keys)
        self._waiting = bulk.patient(service)
        self._parsing = asyncio.Lock()
        self.tender = Tender(service, self.jobs, self._waiting)

    @contextlib.asynccontextmanager
    async def open(self, _: object) -> AsyncIterator[None]:
        """Work on jobs until the block ends: the lifespan of the routes."""
        async with self.tender.tending():
            yield
        self._waiting.once.close()

    async def body(self, name: str, request: Request) -> tuple[bytes, CallerError | None]:
        """Read the body of a request to a lookup, a long one only of those whom that would answer something.

        Returns what came, and what is wrong with whoever sent too much of it.
        """
        read = bytearray()
        async for part in request.stream():
            if len(read) <= MAX_BODY < len(read) + len(part):
                try:
                    bulk.allowed(self.service, name, self.service.caller(request), None)
                except CallerError as error:
                    return b"", error
            read += part
        return bytes(read), None

    async def answered(
        self, name: str, request: Request, form: Form, body: bytes, fields: list[str] | None, *, anew: bool
    ) -> Response:
        """Answer many questions to a lookup: at once, or with 202 and where the job is. Raises every BeffroiError.

        `fields` are those of all rows that do not name their own.
        """
        caller, prefers = self.service.caller(request), _prefers(request)
        if caller.refusal is not None:  # not always the caller's fault: nobody could be asked who it is
            await bulk.refused(self.service, name, caller, None)
        try:
            bulk.allowed(self.service, name, caller, None)
            async with self._parsing if form == "json" and len(body) > MAX_BODY else contextlib.nullcontext():
                many = await asyncio.to_thread(incoming.read, form, BytesIO(body), fields)  # whole in memory
            granted = bulk.allowed(self.service, name, caller, many.fields)
            first = await asyncio.to_thread(lambda: list(islice(many.rows, FEW + 1)))
            out = outgoing.wanted(request.headers.get("accept", ""), form)
            if len(first) > FEW or ASYNC in prefers:
                given = bulk.shares(self.service, name, caller)
                began = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
                about = About(name, told_of(caller), out, many.columns, granted, began, anew, given, many.separator)
                job = await asyncio.to_thread(self.jobs.new, about, chain(first, many.rows))
                self.tender.come()
                return self._accepted(job, {"Preference-Applied": ASYNC} if ASYNC in prefers else {})
        except CallerError as error:
            await bulk.refused(self.service, name, caller, error)
            raise
        rows = bulk.in_order(bulk.done(self._waiting, name, caller, first, anew=anew))
        return _stream(Writer(out, many.columns, granted, ESCAPED in prefers, many.separator), rows)

    def _accepted(self, name: str, headers: dict[str, str]) -> Response:
        with contextlib.closing(self.jobs.job(name)) as job:
            told = state(name, job)
        return JSONResponse(told, 202, {**NO_STORE, "Location": f"/jobs/{name}", **headers})

    async def mine(self, request: Request, name: str) -> Job:
        """Open a job of whoever asks; a refusal is journaled. Raises NotFound, Unavailable, and the caller's refusal."""
        caller = self.service.caller(request)
        resource = f"job:{name}" if ID.fullmatch(name) else "job"
        try:
            return self._of(caller, name)
        except BeffroiError:
            async with self.service.journal.access(Entry.begin(self.service.workspace, caller, "lookup", resource)):
                raise

    def _of(self, caller: Caller, name: str) -> Job:
        if caller.refusal is not None or caller.application is None:
            raise caller.refusal or Unauthenticated("no credential came with the call")
        job = self.jobs.job(name)
        whose = job.about.as_caller()
        if (whose.application, whose.organisation) != (caller.application, caller.organisation):
            job.close()
            raise NotFound(NONE)
        return job

    async def result(self, request: Request, name: str) -> Response:
        """Return the answers of a job that is done, once that is on the journal; its state with 202 while it is not.

        It is journaled with who fetches it, and why. Raises what `mine` raises, what `decide` does where its application
        may not have all of it any more, and NotGranted for another purpose than the job's.
        """
        job = await self.mine(request, name)
        try:
            if job.ended() is None:
                headers = {**NO_STORE, "Retry-After": "5", "Location": f"/jobs/{name}"}
                told = JSONResponse(state(name, job), 202, headers)
                job.close()
                return told
            about, caller = job.about, self.service.caller(request)
            entry = Entry.begin(self.service.workspace, caller, "lookup", f"lookup:{about.lookup}")
            async with self.service.journal.access(entry):
                entry.source = f"job:{name}"
                if caller.purpose != (purpose := about.as_caller().purpose):
                    raise NotGranted(f"the job was made for the purpose {purpose}: send that one in Beffroi-Purpose")
                if (caller.agent, caller.case) != (about.as_caller().agent, about.as_caller().case):
                    raise NotGranted("the job was made by another agent, or for another case: ask anew to read it")
                entry.fields = list(bulk.allowed(self.service, about.lookup, caller, about.fields or None))
                if bulk.shares(self.service, about.lookup, caller) != about.shares:
                    raise NotGranted("the grants have changed since the job was made: delete it, and ask anew")
        except BeffroiError:
            job.close()
            raise
        form = outgoing.wanted(request.headers.get("accept", ""), about.form)
        writer = Writer(form, about.columns, about.fields, ESCAPED in _prefers(request), about.separator)
        return _stream(writer, _kept(job))


def router(many: Many) -> APIRouter:
    """Return the addresses of jobs; the gateway works on jobs as long as it has them."""
    routes = APIRouter(prefix="/jobs", tags=["lookups"], lifespan=many.open)
    described: dict[str, Any] = {"responses": PROBLEMS, "openapi_extra": SECURITY}

    @routes.get("/{job}", summary="How far a job of many questions is", **described)
    async def told(request: Request, job: str) -> JSONResponse:
        with contextlib.closing(await many.mine(request, job)) as found:
            return JSONResponse(state(job, found), headers=NO_STORE)

    @routes.get("/{job}/result", summary="The answers of a job", response_class=Response, **described)
    async def result(request: Request, job: str) -> Response:
        return await many.result(request, job)

    @routes.delete("/{job}", summary="Delete a job, done or not", status_code=204, **described)
    async def delete(request: Request, job: str) -> Response:
        with contextlib.closing(await many.mine(request, job)) as found:
            found.delete()
        return Response(status_code=204)

    return routes


def state(name: str, job: Job) -> dict[str, Any]:
    """Return what is told of a job. Raises Unavailable."""
    ended, outcomes = job.ended(), job.counted()
    answered = sum(outcomes.values())
    spent = time.time() - dt.datetime.fromisoformat(job.about.began).timestamp()
    left = None if not answered else max(0, round(spent / answered * (job.rows - answered)))
    told: dict[str, Any] = {
        "id": name, "lookup": job.about.lookup, "state": "under-way" if ended is None else "done",
        "rows": job.rows, "answered": answered, "outcomes": outcomes, "began": job.about.began,
        "seconds_left": 0 if ended is not None else left,
    }  # fmt: skip
    if ended is not None:
        told |= {"ended": _moment(ended), "kept_until": _moment(ended + KEPT), "result": f"/jobs/{name}/result"}
    return {"data": told}


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds")


def _prefers(request: Request) -> set[str]:
    """Return what the caller would rather have (RFC 7240): to come back for the answers, to have no formulas in CSV."""
    preferences = ",".join(request.headers.getlist("prefer")).lower().split(",")
    return {each.partition(";")[0].strip().replace(" ", "") for each in preferences}


def _stream(writer: Writer, several: Several) -> StreamingResponse:
    """Answer with outcomes as they are done, no faster than they are read."""

    async def parts() -> AsyncIterator[str]:
        async with contextlib.aclosing(several):
            yield writer.begin()
            async for some in several:
                yield writer.some(some)
            yield writer.end()

    headers = {**NO_STORE, "Vary": "Accept, Accept-Language, Prefer"}
    if writer.escaped:
        headers["Preference-Applied"] = ESCAPED
    return StreamingResponse(parts(), media_type=MEDIA[writer.form], headers=headers)


async def _kept(job: Job) -> Several:
    with contextlib.closing(job):
        last = 0
        while some := await asyncio.to_thread(job.answers, last):
            yield some
            last = some[-1][0].number
