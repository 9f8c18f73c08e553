/**
 * Reading an answer's body whole, within bounds: for what is looked into or kept.
 *
 * The platform decodes gzip and br as the bytes are read, so what comes out is the plain representation.
 */

export type WholeBody =
  | { readonly kind: 'whole'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Longer than allowed: everything, from its first byte, still to be read. */
  | { readonly kind: 'long'; readonly stream: ReadableStream<Uint8Array> }
  | { readonly kind: 'broken'; readonly cause: string }

/** `timeoutMs` is for the body, from the call to its last byte. Never throws. */
export async function readWhole(response: Response, maxBytes: number, timeoutMs: number): Promise<WholeBody> {
  if (response.body === null) return { kind: 'whole', bytes: new Uint8Array() }
  const reader = response.body.getReader()
  let late = false
  const timer = setTimeout(() => {
    late = true
    reader.cancel('timeout').catch(() => {})
  }, timeoutMs)
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (late) return { kind: 'broken', cause: 'body timeout' }
      if (done) return { kind: 'whole', bytes: joined(chunks, size) }
      chunks.push(value)
      size += value.byteLength
      if (size > maxBytes) break
    }
  } catch {
    return { kind: 'broken', cause: late ? 'body timeout' : 'body broke off' }
  } finally {
    clearTimeout(timer)
  }
  reader.releaseLock()
  return { kind: 'long', stream: resumed(chunks, response.body) }
}

/** What was read, and then the rest as it comes; a rest that breaks off breaks this off too. */
function resumed(
  chunks: readonly Uint8Array[],
  rest: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  const { readable, writable } = new IdentityTransformStream()
  const pump = async () => {
    const writer = writable.getWriter()
    for (const chunk of chunks) await writer.write(chunk)
    writer.releaseLock()
    await rest.pipeTo(writable)
  }
  pump().catch((error) => writable.abort(error).catch(() => {}))
  return readable
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}
