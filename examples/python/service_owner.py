"""A service owner's API: only a system user that may write the a-melding gets through."""

import json
import os

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from systembruker import Maskinporten, SystemUserGuard, connect

tokens = Maskinporten(
    os.environ["MASKINPORTEN_URL"],
    os.environ["MASKINPORTEN_CLIENT_ID"],
    json.loads(os.environ["MASKINPORTEN_JWK"]),
    ["altinn:authorization/authorize"],
)
client = connect(os.environ["SYSTEMBRUKER_URL"], tokens)


async def welcome(request: Request) -> PlainTextResponse:
    user = request.state.system_user.system_user
    return PlainTextResponse(f"Welcome, {user.system_id}, on behalf of {user.owner_organization_number}")


app = Starlette(routes=[Route("/", welcome)])
app.add_middleware(SystemUserGuard, client=client, resource="a-melding", action="write", scopes=["altinn:systembruker.demo"])
uvicorn.run(app, host="127.0.0.1", port=int(os.environ["API_PORT"]), log_level="warning")
