/**
 * What the gateway calls itself in the requests that it sends.
 *
 * A zone challenges requests without a `User-Agent` by default (Cloudflare's Browser Integrity Check), and the tunnel's
 * zone sees every request to a challenge.
 */

/** As package.json has it; a test compares them. */
const VERSION = '0.1.0'

export const USER_AGENT = `platform-edge-gateway/${VERSION}`
