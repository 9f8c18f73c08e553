#!/bin/sh
# An upload with curl, step by step: GATEWAY=https://… CHALLENGE=demo HOTKEY=5… sh upload.sh FILE
# SIGN is a command that reads the message on stdin and prints the signature in hex; the default uses your bittensor wallet.
set -eu
FILE=$1
GATEWAY=${GATEWAY%/}
SIGN=${SIGN:-"python3 -c 'import sys; from bittensor_wallet import Wallet; print(Wallet().hotkey.sign(sys.stdin.buffer.read()).hex())'"}

# 1. Which subnet and which protocol family does the gateway serve?
VERSION=$(curl -fsS "$GATEWAY/version")
NETUID=$(printf '%s' "$VERSION" | sed 's/.*"netuid":\([0-9]*\).*/\1/')
FAMILY=$(printf '%s' "$VERSION" | sed 's/.*"protocol_family":"\([a-z]*\)".*/\1/')

# 2. What is signed besides: the path without host and query, a nonce never used before, the gateway's own clock, the file's hash.
REQUEST_PATH=/v1/challenges/$CHALLENGE/submissions
NONCE=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
TIME=$(curl -fsS "$GATEWAY/v1/time")
TIMESTAMP=$(printf '%s' "$TIME" | sed 's/[^0-9]//g')
HASH=$(sha256sum "$FILE" | cut -d' ' -f1)

# 3. One line, no line end behind it (printf, not echo).
MESSAGE=$FAMILY-upload-v1:$NETUID:$CHALLENGE:POST:$REQUEST_PATH:$HOTKEY:$NONCE:$TIMESTAMP:$HASH
SIGNATURE=$(printf '%s' "$MESSAGE" | eval "$SIGN")
echo "signed $MESSAGE" >&2

# 4. Send the exact bytes: --data-binary. (-d drops line ends, -F wraps the file in a form; both change the hash.)
curl -sS --fail-with-body --data-binary "@$FILE" \
  -H "X-Hotkey: $HOTKEY" -H "X-Signature: $SIGNATURE" -H "X-Nonce: $NONCE" -H "X-Timestamp: $TIMESTAMP" \
  -H 'Content-Type: application/octet-stream' "$GATEWAY$REQUEST_PATH"
