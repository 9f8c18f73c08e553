/**
 * What the gateway and the miner's tools call themselves in the requests that they send.
 *
 * Cloudflare's Browser Integrity Check, which zones have by default, challenges requests without a
 * `User-Agent`. Every request to a challenge passes through the tunnel's zone.
 */

/** As package.json has it; a test compares them. */
export const VERSION = '0.1.0'

/** The gateway's own. */
export const USER_AGENT = `platform-edge-gateway/${VERSION}`
/** The command line's and the SDK's. */
export const MINER_USER_AGENT = `platform-edge/${VERSION}`
