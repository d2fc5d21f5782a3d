"""The bare read: a FastAPI handler that does one Redis GET, as its documentation shows it."""

import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from redis.asyncio import Redis

redis = Redis.from_url(os.environ["REDIS_URL"])


@asynccontextmanager
async def filled(_: FastAPI):
    await redis.set("shipment", os.environ["BODY"])
    yield


app = FastAPI(lifespan=filled)


@app.get("/shipment")
async def shipment() -> Response:
    return Response(await redis.get("shipment"), media_type="application/json")
