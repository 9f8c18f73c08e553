/**
 * The development keys of every Substrate chain, as `subkey inspect //Alice` prints them.
 *
 * EVERYONE KNOWS THESE SECRETS. They are for the local world and for tests; a subnet on which one
 * of them is registered lets any stranger upload in its name.
 */

export type Scheme = 'sr25519' | 'ed25519'

export interface DevKey {
  readonly name: string
  readonly scheme: Scheme
  /** 32-byte mini secret, hex. */
  readonly seed: string
}

export const DEV_KEYS: readonly DevKey[] = [
  sr25519('alice', 'e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a'),
  sr25519('bob', '398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89'),
  sr25519('charlie', 'bc1ede780f784bb6991a585e4f6e61522c14e1cae6ad0895fb57b9a205a8f938'),
  sr25519('dave', '868020ae0687dda7d57565093a69090211449845a7e11453612800b663307246'),
  sr25519('eve', '786ad0e2df456fe43dd1f91ebca22e235bc162e0bb8d53c633e8c85b2af68b7a'),
  sr25519('ferdie', '42438b7883391c05512a938e36c2df0131e088b3756d6aa7a755fbff19d2f842'),
  ed25519('alice', 'abf8e5bdbe30c65656c0a3cbd181ff8a56294a69dfedd27982aace4a76909115'),
  ed25519('bob', '3b7b60af2abcd57ba401ab398f84f4ca54bd6b2140d2503fbcf3286535fe3ff1'),
]

export function findDevKey(name: string, scheme: Scheme): DevKey | undefined {
  return DEV_KEYS.find((key) => key.name === name.toLowerCase() && key.scheme === scheme)
}

function sr25519(name: string, seed: string): DevKey {
  return { name, scheme: 'sr25519', seed }
}

function ed25519(name: string, seed: string): DevKey {
  return { name, scheme: 'ed25519', seed }
}
