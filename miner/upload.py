#!/usr/bin/env python3
"""Submit a file with a Bittensor hotkey: pip install bittensor-wallet; python upload.py FILE --challenge SLUG --gateway URL"""
import argparse, hashlib, http.client, json, sys, time, urllib.error, urllib.request, uuid
from bittensor_wallet import Wallet

parser = argparse.ArgumentParser()
parser.add_argument("file")
for name, default in {"challenge": None, "gateway": None, "wallet-name": "default", "wallet-hotkey": "default",
                      "wallet-path": "~/.bittensor/wallets/"}.items():
    parser.add_argument(f"--{name}", default=default, required=default is None)
args = parser.parse_args()

def call(path, data=None, headers=None):
    """Status (0: none), text, the fields if it is a JSON object, headers; a refusal is an answer like any other."""
    try:
        try:
            response = urllib.request.urlopen(urllib.request.Request(args.gateway.rstrip("/") + path, data, headers or {}), timeout=60)
        except urllib.error.HTTPError as refusal:
            response = refusal
        text = response.read().decode(errors="replace")
        fields = json.loads(text) if text and "json" in response.headers.get("Content-Type", "") else {}
    except (OSError, http.client.HTTPException, ValueError) as error:
        return 0, f"no answer that can be read ({error})", {}, {}
    return response.status, text, fields if isinstance(fields, dict) else {}, response.headers

body = open(args.file, "rb").read()
keypair = Wallet(name=args.wallet_name, hotkey=args.wallet_hotkey, path=args.wallet_path).hotkey
_, text, version, _ = call("/version")
if "netuid" not in version:
    sys.exit(f"error: {version.get('detail', text)}")
path = f"/v1/challenges/{args.challenge}/submissions"
clock_offset, nonce, may_have_arrived = 0, "", False
for attempt in range(6):
    # What may have arrived keeps its nonce: it counts once, and a 409 tells what became of it.
    nonce, timestamp = nonce if may_have_arrived else str(uuid.uuid4()), str(int(time.time()) + clock_offset)
    message = ":".join([f"{version['protocol_family']}-upload-v1", str(version["netuid"]), args.challenge, "POST", path,
                        keypair.ss58_address, nonce, timestamp, hashlib.sha256(body).hexdigest()])
    status, text, answer, headers = call(path, body, {
        "X-Hotkey": keypair.ss58_address, "X-Signature": "0x" + keypair.sign(message.encode()).hex(),
        "X-Nonce": nonce, "X-Timestamp": timestamp, "Content-Type": "application/octet-stream"})
    code, detail = answer.get("code"), answer.get("detail", text)
    first = answer.get("original", {}) if code == "nonce_already_used" else {}
    outcome, ids = first.get("outcome"), f"nonce {nonce}, request {first.get('request_id') or headers.get('X-Request-Id')}"
    if 200 <= status < 300 or outcome == "delivered":
        print(text if status < 300 else f"an earlier attempt arrived, and was answered {first['status']} ({ids})")
        sys.exit(first.get("status", status) >= 300)
    may_have_arrived = outcome != "not_delivered" and (may_have_arrived or status in (0, 502, 504))
    if code == "stale_signature" and clock_offset == 0:
        clock_offset = answer["server_time"] - int(time.time())
        continue
    retry_after = headers.get("Retry-After", "")
    wait = max(2**attempt, int(retry_after) if retry_after.isdigit() else 0)
    may_pass = status in (0, 429, 502, 503, 504) or code == "metagraph_unavailable" or outcome in ("not_delivered", "in_flight")
    if not may_pass or wait > 300 or attempt == 5:
        break
    print(f"{status} {detail} ({ids}); again in {wait} s", file=sys.stderr)
    time.sleep(wait)
if may_have_arrived:
    detail = f"nobody knows whether the upload arrived; ask the challenge before you upload again ({ids}): {detail}"
sys.exit(f"error: {detail} ({status})\nhint:  {answer.get('hint', '')} {answer.get('likely_cause', '')}")
