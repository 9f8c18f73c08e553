/**
 * The file name that a miner may give an upload. The gateway and the miner's tools share the rule.
 */

/** A file name, not a path: challenges write it to disk. */
const FILENAME = /^(?!\.{1,2}$)[\x20-\x2e\x30-\x5b\x5d-\x7e]{1,255}$/

/**
 * Whether the gateway passes this name on: at most 255 printable ASCII characters, no `/` or `\`.
 */
export function isFilename(name: string): boolean {
  return FILENAME.test(name)
}
