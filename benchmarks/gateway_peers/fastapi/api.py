"""The register as an able user of FastAPI, asyncpg and PostgreSQL would serve it: no token, no journal, no receipt.

Run in an environment of its own, by uvicorn with uvloop and httptools; `DATABASE` says where PostgreSQL is.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import asyncpg
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel


class Company(BaseModel):
    """A row."""

    identifier: str
    siren: str | None
    lei: str | None
    siret: str | None
    register_number: str | None
    name: str
    other_names: list[str]
    category: str | None
    legal_category: str | None
    legal_form: str | None
    activity: str | None
    active: bool | None
    created: date | None
    address: str | None
    postal_code: str | None
    city: str | None
    commune_code: str | None
    country_code: str | None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE"], min_size=10, max_size=10) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/companies/{identifier}")
async def company(identifier: str) -> Company:
    row = await app.state.pool.fetchrow("SELECT * FROM companies WHERE identifier = $1", identifier)
    if row is None:
        raise HTTPException(404)
    return Company.model_construct(**row)


@app.get("/companies")
async def companies(postal_code: str, limit: int = 100) -> list[Company]:
    asked = "SELECT * FROM companies WHERE postal_code = $1 ORDER BY identifier LIMIT $2"
    return [Company.model_construct(**row) for row in await app.state.pool.fetch(asked, postal_code, limit)]


@app.get("/count")
async def count() -> int:
    return await app.state.pool.fetchval("SELECT count(*) FROM companies")


@app.get("/companies.csv")
async def everything() -> StreamingResponse:
    parts: asyncio.Queue[bytearray | None] = asyncio.Queue(64)

    async def copied() -> None:
        async with app.state.pool.acquire() as connection:
            await connection.copy_from_table("companies", output=parts.put, format="csv", header=True)
        await parts.put(None)

    async def sent() -> AsyncIterator[bytes]:
        async with asyncio.TaskGroup() as group:
            group.create_task(copied())
            while part := await parts.get():
                yield bytes(part)

    return StreamingResponse(sent(), media_type="text/csv")
