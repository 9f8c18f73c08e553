# /// script
# requires-python = ">=3.10"
# dependencies = ["bittensor-wallet>=4,<5"]
# ///
"""Uploads a file, signed with your Bittensor hotkey, as docs/miners.md of platform-edge-gateway says."""
import argparse, contextlib, hashlib, http.client, importlib.util, json, os, random, re, signal, socket, ssl, sys, time, types
import urllib.request, uuid

GATEWAY = ""  # a gateway that serves this file writes its address here
REFUSED, WALLET, FILE, UNKNOWN, INTERRUPTED = 1, 3, 4, 5, 130  # exit codes; wrong arguments are 2
RETRIES, LONGEST_WAIT, IN_FLIGHT_WAIT, LONGEST_CORRECTION = 5, 300, 10, 86_400  # all but the first in seconds
PASSING = ("rate_limited", "over_capacity", "nonce_store_unavailable", "challenge_token_unavailable",
           "metagraph_unavailable", "request_timeout")  # refusals that may pass; nothing was forwarded
FOREIGN = {"a redirect": "No redirect is followed. If that is the gateway, give its address with --gateway.",
           "Cloudflare": "The operator must allow it; quote the ray id (1010: taken for a bot, 1015: too often, 413: too large).",
           "a page": "Check the address of the gateway. A proxy, or a network that wants a sign-in, may have answered."}
OCTETS, REPEAT = "application/octet-stream", "Upload the same file with --nonce {} to find out: that cannot count twice."
CONFIGURED = r"""(?m)(?:^|[{,])[ \t]*"?wallet\w*"?[ \t]*:[ \t]*["']?(?!null\b|["'~]?\s*$)\S"""  # in a file of btcli
class AnyStatus(urllib.request.HTTPErrorProcessor):  # each status is an answer, and no redirect is followed
    http_response = https_response = lambda self, request, response: response

def say(text):  # what others wrote must not steer the terminal
    print("".join(c if c.isprintable() else ascii(c)[1:-1] for c in text), file=sys.stderr, flush=True)

def end(code, error, hint):
    say(f"error: {error}")
    say(f"hint:  {hint}")
    sys.exit(code)

def ask(path, body=None, headers={}):
    """What came back: what it says, whether to ask again, and whether an upload that is answered so may have arrived."""
    answer = types.SimpleNamespace(ok=False, status=0, fields={}, code=None, request=None, wait=0, hint="Check address and network.")
    request = urllib.request.Request(args.gateway + path, body, {**headers, "User-Agent": "platform-edge/0.1.0"})
    try:
        response = urllib.request.build_opener(AnyStatus).open(request, timeout=90)
        status, told, text = response.status, response.headers, response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        unsent = isinstance(reason, (ConnectionRefusedError, socket.gaierror)) or "Tunnel connection" in str(reason)
        answer.what, answer.again = f"no answer from {args.gateway} ({reason})", not isinstance(reason, ssl.SSLCertVerificationError)
        answer.arrived = answer.again and not unsent
        return answer
    with contextlib.suppress(ValueError, TypeError):
        answer.fields = dict(json.loads(text))
    wait, answer.text, answer.status, answer.request = told.get("Retry-After", ""), text, status, told.get("X-Request-Id")
    answer.wait = int(wait) if re.fullmatch("[0-9]{1,9}", wait) else 0
    page = re.match(r"\s*<(!doctype|html)\b", text, re.I) or told.get_content_type() == "text/html"
    number = told.get("cf-mitigated") or "".join(re.findall(r"^\s*error code: (\d+)\s*$", text))
    if number or not answer.request or "Location" in told or (page and status < 300):
        cloudflare = number or "cf-ray" in told or told.get("Server") == "cloudflare"
        who = "a redirect" if "Location" in told else "Cloudflare" if cloudflare else "a page"
        facts = " ".join([told.get("Location", ""), number, told.get("cf-ray", "")])
        answer.what, answer.hint = f"{who} answered {status} in place of the gateway {facts}".rstrip(), FOREIGN[who]
        answer.again, answer.arrived = status in (502, 503, 504) or (status == 429 and wait != ""), True
    elif str(answer.fields.get("type")).startswith("urn:platform-edge:problem:"):
        answer.code = answer.fields.get("code")
        passing = answer.code in PASSING or (answer.code == "unknown_hotkey" and answer.fields.get("looked_up") is False)
        answer.again, answer.arrived = passing or answer.code == "challenge_unavailable", status >= 500 and not passing
        answer.what = f"{answer.fields.get('detail')} ({status} {answer.code}, request {answer.request})"
        answer.hint = f"{answer.fields.get('hint')} {answer.fields.get('likely_cause', '')}"
    else:
        answer.ok, answer.arrived = status < 300, status in (502, 504)
        answer.again = answer.arrived or (status in (429, 503) and wait != "")
        answer.what = f"the challenge answered {status}: {' '.join(text.split())[:200]} (request {answer.request})"
        answer.hint = "This is its own answer; its documentation says more."
    return answer

def read_file(file):
    try:
        size = os.path.getsize(file)
        most = ask("/v1/limits").fields.get("max_upload_bytes", size) if size > 7_500_000 else 7_500_000
        if not 0 < size <= most:
            end(FILE, f"{file} has {size} bytes", f"An upload has 1 to {most}.")
        return open(file, "rb").read()
    except OSError as error:
        end(FILE, f"cannot read {file} ({error.strerror})", "Check the path, and that it is one file that is yours to read.")

def load_hotkey():
    name, hotkey, path = args.wallet, args.wallet_hotkey, args.wallet_path
    try:
        for variable, file in (("BTCLI_CONFIG", "~/.bittensor/btcli.json"), ("BTCLI_CONFIG_PATH", "~/.bittensor/config.yml")):
            file = os.path.expanduser(os.environ.get(variable) or file)
            if not (name and hotkey and path) and os.path.exists(file) and re.search(CONFIGURED, open(file).read()):
                end(WALLET, f"{file} chooses btcli's wallet; it is not read here", "Give --wallet, --wallet-hotkey and --wallet-path.")
        package = importlib.import_module("bittensor_wallet" if importlib.util.find_spec("bittensor_wallet") else "bittensor.keyfiles")
        path = os.path.expanduser(path or "~/.bittensor/wallets")
        return package.Keyfile(os.path.join(path, name or "default", "hotkeys", hotkey or "default"), "hotkey").get_keypair()
    except Exception as error:  # each package has exceptions of its own
        end(WALLET, f"cannot open the hotkey ({error})", "Check the wallet's name and password. No module: pip install bittensor-wallet.")

def upload(hotkey, body):
    """What may have arrived goes out again as it was: it counts once, and a 409 tells what became of it."""
    version, path = ask("/version"), f"/v1/challenges/{args.challenge}/submissions"
    if "netuid" not in version.fields:
        end(UNKNOWN, version.what, version.hint)
    prefix = f"{version.fields.get('protocol_family')}-upload-v1:{version.fields['netuid']}:{args.challenge}:POST:{path}"
    headers, nonce, offset, retry, doubted = {}, None, 0, 0, False
    while True:
        if not headers:
            nonce, timestamp = nonce if doubted else args.nonce or str(uuid.uuid4()), int(time.time()) + offset
            message = f"{prefix}:{hotkey.ss58_address}:{nonce}:{timestamp}:{hashlib.sha256(body).hexdigest()}"
            headers = {"X-Hotkey": hotkey.ss58_address, "X-Signature": hotkey.sign(message.encode()).hex(), "X-Nonce": nonce,
                       "X-Timestamp": str(timestamp), "X-Submission-Filename": args.filename, "Content-Type": OCTETS}
            say(f"uploading {len(body)} bytes to {args.challenge} as {hotkey.ss58_address} (nonce {nonce})")
        args.under_way = nonce  # on its way, until it is known what became of it
        answer = ask(path, body, headers)
        first = answer.fields.get("original") or {} if answer.code == "nonce_already_used" else {}
        outcome, seen = first.get("outcome") if first.get("body_matches") else None, first.get("request_id", answer.request)
        if answer.ok or outcome == "delivered":
            print(answer.text if answer.ok else f"the first attempt arrived: the challenge answered {first.get('status')} (request {seen})")
            return 0 if answer.ok or first.get("status", 500) < 300 else REFUSED
        doubted = outcome != "not_delivered" and (doubted or answer.arrived or outcome is not None)
        hopeful = answer.again or outcome == "in_flight" or (outcome == "not_delivered" and not args.nonce)
        wait = max(2**retry * (1 + random.random()) / 2, answer.wait, IN_FLIGHT_WAIT * (outcome == "in_flight"))
        ahead = answer.fields.get("server_time", 0) - int(time.time()) if answer.code == "stale_signature" else 0
        if ahead and not offset and abs(ahead) <= LONGEST_CORRECTION:
            offset, headers = ahead, {}
        elif hopeful and retry < RETRIES and wait <= LONGEST_WAIT:
            retry, headers, args.under_way = retry + 1, headers if doubted else {}, nonce if doubted else None
            say(f"{answer.what}; retry {retry} with {'the same' if doubted else 'a fresh'} nonce in {wait:.1f} s")
            time.sleep(wait)
        elif doubted:
            end(UNKNOWN, f"it is unknown whether the upload arrived (nonce {nonce}, request {seen}): {answer.what}",
                "Ask the challenge before you upload again." if outcome == "unknown" else REPEAT.format(nonce))
        else:
            end(REFUSED if 0 < answer.status < 500 and not answer.again else UNKNOWN, answer.what, answer.hint)

parser, env = argparse.ArgumentParser(description=__doc__), os.environ.get
parser.add_argument("file")
parser.add_argument("--challenge", metavar="SLUG", required=True)
parser.add_argument("--gateway", metavar="URL", default=env("PLATFORM_EDGE_URL") or GATEWAY)
parser.add_argument("-w", "--wallet", "--wallet-name", default=env("BT_WALLET") or env("BT_WALLET_NAME"))
parser.add_argument("-H", "--wallet-hotkey", default=env("BT_WALLET_HOTKEY"))
parser.add_argument("-p", "--wallet-path", default=env("BT_WALLET_PATH"))
parser.add_argument("--filename", help="the name that the challenge sees, when it is not the file's own")
parser.add_argument("--nonce", help="that of an attempt that may have arrived: it cannot count twice")
args = parser.parse_args()
args.gateway, args.filename, args.under_way = args.gateway.rstrip("/"), args.filename or os.path.basename(args.file), None
if not re.match(r"https?://[^/\s]", args.gateway) or not re.fullmatch("[a-z0-9-]+;[ -~]{1,256}", f"{args.challenge};{args.nonce or '-'}"):
    parser.error("--gateway is an address such as https://g.example.com, --challenge a slug, --nonce at most 256 ASCII characters")
if not re.fullmatch(r"(?!\.{1,2}$)[ -.0-\[\]-~]{1,255}", args.filename):
    say(f"warning: the name {args.filename} cannot be sent, and the challenge sees none; use --filename with plain ASCII")
    args.filename = ""
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    sys.exit(upload(load_hotkey(), read_file(args.file)))
except KeyboardInterrupt:
    nonce = args.under_way
    state = f"it is unknown whether the upload arrived (nonce {nonce})" if nonce else "no upload is on its way"
    end(INTERRUPTED, f"interrupted: {state}", REPEAT.format(nonce) if nonce else "Run it again.")
