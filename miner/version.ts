/**
 * The name under which every request of the miner's tools goes: zones refuse clients without one.
 */

/** As package.json has it; a test compares the two. */
export const VERSION = '0.1.0'
export const USER_AGENT = `platform-edge/${VERSION}`
