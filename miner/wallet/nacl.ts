/**
 * `$NACL` keyfiles: `$NACL`, 24 bytes of nonce, XSalsa20-Poly1305 under an Argon2i key of the
 * password.
 *
 * libsodium does the work, as it does in the wallet that wrote the file: half a gigabyte of memory
 * and seconds of time, which is why it is loaded only here.
 */

const MAGIC = 5
const NONCE_BYTES = 24
const KEY_BYTES = 32
/** Fixed in the wallet software, so equal passwords have equal keys. */
const SALT = Uint8Array.from([
  0x13, 0x71, 0x83, 0xdf, 0xf1, 0x5a, 0x09, 0xbc, 0x9c, 0x90, 0xb5, 0x51, 0x87, 0x39, 0xe9, 0xb1,
])

/** The plain keyfile, or undefined for a wrong password or a damaged file. */
export async function decryptNacl(file: Uint8Array, password: string): Promise<Uint8Array | undefined> {
  const { default: sodium } = await import('libsodium-wrappers-sumo')
  await sodium.ready
  const key = sodium.crypto_pwhash(
    KEY_BYTES,
    password,
    SALT,
    sodium.crypto_pwhash_argon2i_OPSLIMIT_SENSITIVE,
    sodium.crypto_pwhash_argon2i_MEMLIMIT_SENSITIVE,
    sodium.crypto_pwhash_ALG_ARGON2I13,
  )
  try {
    const nonce = file.subarray(MAGIC, MAGIC + NONCE_BYTES)
    return sodium.crypto_secretbox_open_easy(file.subarray(MAGIC + NONCE_BYTES), nonce, key)
  } catch {
    return undefined
  } finally {
    key.fill(0)
  }
}
