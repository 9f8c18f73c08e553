#!/bin/sh
# An upload with curl, step by step: GATEWAY=https://… CHALLENGE=demo HOTKEY=5… sh upload.sh FILE
# SIGN is a command that reads the message on stdin and prints the signature in hex; the default uses your bittensor wallet.
# It tries once. With NONCE of an earlier attempt it finds out what became of that one: a nonce counts once.
set -eu
FILE=$1
GATEWAY=${GATEWAY%/}
SIGN=${SIGN:-"python3 -c 'import sys; from bittensor_wallet import Wallet; print(Wallet().hotkey.sign(sys.stdin.buffer.read()).hex())'"}
TOLD=$(mktemp)
REPEAT=
trap 'code=$?; rm -f "$TOLD"; [ $code -lt 5 ] || [ -z "$REPEAT" ] || echo "$REPEAT" >&2' EXIT
trap 'exit 130' INT TERM

# One request under a name that Cloudflare lets pass; no redirect is followed. Prints the body and keeps the headers.
# Every answer of the gateway has a request id, and a page is never an accepted upload: else something on the way answered (exit 5).
ask() {
  curl -sS -A platform-edge/0.1.0 -D "$TOLD" "$@" || exit 5
  STATUS=$(sed -n 's/^HTTP\/[0-9.]* \([0-9]*\).*/\1/p' "$TOLD" | tail -n 1)
  if ! grep -qi '^x-request-id:' "$TOLD" || { [ "$STATUS" -lt 300 ] && grep -qi '^content-type: *text/html' "$TOLD"; }; then
    echo "error: not the gateway answered:" $(grep -iE '^(HTTP/|server:|location:|cf-ray:|cf-mitigated:)' "$TOLD" | tr -d '\r') >&2
    exit 5
  fi
  [ "$STATUS" -lt 300 ] || exit 1
}

# 1. Which subnet and which protocol family does the gateway serve?
VERSION=$(ask "$GATEWAY/version")
NETUID=$(printf '%s' "$VERSION" | sed 's/.*"netuid":\([0-9]*\).*/\1/')
FAMILY=$(printf '%s' "$VERSION" | sed 's/.*"protocol_family":"\([a-z]*\)".*/\1/')

# 2. What is signed besides: the path without host and query, a nonce never used before, the gateway's own clock, the file's hash.
REQUEST_PATH=/v1/challenges/$CHALLENGE/submissions
NONCE=${NONCE:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}
TIME=$(ask "$GATEWAY/v1/time")
TIMESTAMP=$(printf '%s' "$TIME" | sed 's/[^0-9]//g')
HASH=$(sha256sum "$FILE" | cut -d' ' -f1)

# 3. One line, no line end behind it (printf, not echo).
MESSAGE=$FAMILY-upload-v1:$NETUID:$CHALLENGE:POST:$REQUEST_PATH:$HOTKEY:$NONCE:$TIMESTAMP:$HASH
SIGNATURE=$(printf '%s' "$MESSAGE" | eval "$SIGN")
echo "signed $MESSAGE" >&2

# 4. Send the exact bytes: --data-binary. (-d drops line ends, -F wraps the file in a form; both change the hash.)
# A 409 tells what became of the first upload with this nonce: original.outcome.
REPEAT="it is unknown whether the upload arrived; NONCE=$NONCE finds out, and cannot count twice"
ask --data-binary "@$FILE" \
  -H "X-Hotkey: $HOTKEY" -H "X-Signature: $SIGNATURE" -H "X-Nonce: $NONCE" -H "X-Timestamp: $TIMESTAMP" \
  -H "X-Submission-Filename: $(basename "$FILE")" -H 'Content-Type: application/octet-stream' "$GATEWAY$REQUEST_PATH"
