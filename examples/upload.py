#!/usr/bin/env python3
"""Submit a file with a Bittensor hotkey: pip install bittensor-wallet; python upload.py FILE --challenge SLUG --gateway URL"""
import argparse, hashlib, json, sys, time, urllib.error, urllib.request, uuid
from bittensor_wallet import Wallet

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--challenge", required=True)
parser.add_argument("--gateway", required=True)
parser.add_argument("--wallet-name", default="default")
parser.add_argument("--wallet-hotkey", default="default")
parser.add_argument("--wallet-path", default="~/.bittensor/wallets/")
args = parser.parse_args()


def call(path, data=None, headers=None):
    """Status, parsed body, Retry-After; a refusal is an answer like any other."""
    request = urllib.request.Request(args.gateway.rstrip("/") + path, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read() or b"null"), None
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        body = json.loads(text) if "json" in error.headers.get("Content-Type", "") else {"detail": text}
        return error.code, body, error.headers.get("Retry-After")
    except OSError as error:
        return 503, {"detail": f"no answer ({error})"}, None


body = open(args.file, "rb").read()
keypair = Wallet(name=args.wallet_name, hotkey=args.wallet_hotkey, path=args.wallet_path).hotkey
_, version, _ = call("/version")
if "netuid" not in version:
    sys.exit(f"error: {version['detail']}")
path = f"/v1/challenges/{args.challenge}/submissions"
clock_offset = 0
for attempt in range(6):
    nonce, timestamp = str(uuid.uuid4()), str(int(time.time()) + clock_offset)
    message = ":".join([
        f"{version['protocol_family']}-upload-v1", str(version["netuid"]), args.challenge, "POST", path,
        keypair.ss58_address, nonce, timestamp, hashlib.sha256(body).hexdigest(),
    ])
    status, answer, retry_after = call(path, body, {
        "X-Hotkey": keypair.ss58_address,
        "X-Signature": "0x" + keypair.sign(message.encode()).hex(),
        "X-Nonce": nonce,
        "X-Timestamp": timestamp,
        "Content-Type": "application/octet-stream",
    })
    if 200 <= status < 300:
        print(json.dumps(answer, indent=2))
        sys.exit(0)
    if answer.get("code") == "stale_signature" and clock_offset == 0:
        clock_offset = answer["server_time"] - int(time.time())
    elif status in (429, 502, 503, 504):
        time.sleep(float(retry_after or 2**attempt))
    else:
        break
sys.exit(f"error: {answer['detail']} ({status})\nhint:  {answer.get('hint', '')} {answer.get('likely_cause', '')}")
