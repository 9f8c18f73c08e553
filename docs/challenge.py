# /// script
# requires-python = ">=3.10"
# dependencies = ["fastapi>=0.115", "uvicorn>=0.30"]
# ///
"""A complete challenge: takes uploads from the gateway, shows their status and a leaderboard. Run it: uv run docs/challenge.py

The environment gives CHALLENGE_TOKEN (required), SLUG (demo), PORT (8000) and DATABASE (challenge.db).
docs/challenges.md explains each step."""

import hashlib
import hmac
import os
import sqlite3
import uuid

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse

TOKEN = os.environ["CHALLENGE_TOKEN"]
SLUG = os.environ.get("SLUG", "demo")
MAX_BYTES = 1_000_000

# The interactive pages would be public through the gateway.
app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
# Every handler that touches it is async, so they take turns in one thread.
database = sqlite3.connect(os.environ.get("DATABASE", "challenge.db"), isolation_level=None)
database.row_factory = sqlite3.Row
database.execute("""CREATE TABLE IF NOT EXISTS submissions (
    id TEXT PRIMARY KEY, hotkey TEXT NOT NULL, nonce TEXT NOT NULL, uid INTEGER, filename TEXT NOT NULL,
    status TEXT NOT NULL, score REAL, content BLOB NOT NULL, UNIQUE (hotkey, nonce))""")
PUBLIC = "id, hotkey, uid, filename, status, score"


def require_gateway(request: Request) -> None:
    """The identity headers may be trusted only behind the right token, for the right challenge."""
    given = request.headers.get("authorization", "").encode()
    if not hmac.compare_digest(given, f"Bearer {TOKEN}".encode()):
        raise HTTPException(401, "Invalid internal authorization")
    if request.headers.get("x-platform-challenge-slug") != SLUG:
        raise HTTPException(400, "Invalid challenge slug header")


@app.post("/internal/v1/bridge/submissions", status_code=201, dependencies=[Depends(require_gateway)])
async def receive(request: Request):
    hotkey, nonce, expected = (
        request.headers.get(f"x-platform-{name}") for name in ("verified-hotkey", "verified-nonce", "request-hash")
    )
    if not (hotkey and nonce and expected):
        raise HTTPException(400, "An identity header is missing")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_BYTES:
            raise HTTPException(413, f"Send at most {MAX_BYTES} bytes")
    if hashlib.sha256(content).hexdigest() != expected:
        raise HTTPException(400, "The body does not match X-Platform-Request-Hash")
    uid = request.headers.get("x-platform-verified-uid")
    filename = request.headers.get("x-submission-filename", "submission").split("/")[-1][:128]
    # One upload is one row, however often it arrives: a copy finds the first one's id.
    database.execute(
        "INSERT INTO submissions VALUES (?, ?, ?, ?, ?, 'received', NULL, ?) ON CONFLICT (hotkey, nonce) DO NOTHING",
        (str(uuid.uuid4()), hotkey, nonce, uid and int(uid), filename, bytes(content)),
    )
    row = database.execute(f"SELECT {PUBLIC} FROM submissions WHERE hotkey = ? AND nonce = ?", (hotkey, nonce))
    return dict(row.fetchone())


@app.api_route("/v1/submissions/{submission_id}", methods=["GET", "HEAD"])
async def status(submission_id: str):
    row = database.execute(f"SELECT {PUBLIC} FROM submissions WHERE id = ?", (submission_id,)).fetchone()
    if row is None:
        raise HTTPException(404, "Submission not found")
    return dict(row)


@app.api_route("/leaderboard", methods=["GET", "HEAD"])
async def leaderboard():
    rows = database.execute(
        "SELECT hotkey, max(score) AS score, count(*) AS submissions FROM submissions GROUP BY hotkey ORDER BY 2 DESC, 3 DESC"
    )
    headers = {"cache-control": "public, max-age=30, stale-while-revalidate=300"}
    return JSONResponse([dict(row) for row in rows], headers=headers)


@app.get("/internal/v1/get_weights", dependencies=[Depends(require_gateway)])
async def weights():
    rows = database.execute("SELECT hotkey, max(coalesce(score, 0)) FROM submissions GROUP BY hotkey")
    return {"challenge_slug": SLUG, "epoch": 0, "weights": dict(map(tuple, rows)), "metadata": {}}


@app.api_route("/health", methods=["GET", "HEAD"])
async def health():
    return {"status": "ok", "slug": SLUG}


if __name__ == "__main__":
    # The tunnel keeps connections 90 seconds; one that closes first would cost an upload.
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")), timeout_keep_alive=100)
